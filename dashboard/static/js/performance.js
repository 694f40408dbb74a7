export class PerformanceView {
  show() {}
}
