export class LatencyView {
  show() {}
}
