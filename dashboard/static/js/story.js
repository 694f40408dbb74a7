export class Story {
  show() {}
}
