export class PriceChart {
  show() {}
}
