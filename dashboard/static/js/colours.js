// The colours of the style sheets for what is drawn on a canvas.

const probe = document.createElement("i");
probe.hidden = true;
document.documentElement.append(probe);

// The colour behind a variable such as "--up" in the theme of the moment, as "rgb(…)".
export function colour(name) {
  probe.style.color = `var(${name})`;
  return getComputedStyle(probe).color;
}

export function faded(name, alpha) {
  const [r, g, b] = colour(name).match(/[\d.]+/g);
  return `rgba(${r}, ${g}, ${b}, ${alpha})`;
}

// Calls `paint` now and whenever the theme changes.
export function painted(paint) {
  document.addEventListener("themechange", paint);
  paint();
}

// Makes a canvas as large as its box in device pixels; returns its context, drawing in CSS pixels, with the
// size, or null while it is not shown.
export function surface(canvas) {
  const { width, height } = canvas.getBoundingClientRect();
  if (!width || !height) return null;
  const scale = window.devicePixelRatio || 1;
  const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}
