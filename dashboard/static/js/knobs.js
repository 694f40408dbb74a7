export class Knobs {
  show() {}
}
