// The pictures of a training: the plane with its boundary, and the curve of the loss. Both are drawn on canvases.

export const ABOVE = "#2a7fc9"; // as in the library's drawings: blue above 0, orange below
export const BELOW = "#e0761b";
const ODD = [255, 211, 61]; // of nan
const FULL: Record<"light" | "dark", [number[], number[], number[]]> = {
  light: [[250, 165, 96], [255, 255, 255], [120, 186, 232]],
  dark: [[150, 84, 30], [28, 31, 37], [34, 92, 146]],
};

export type Extent = [left: number, low: number, width: number];

export interface Plane {
  extent: Extent;
  places: [number, number][];
  labels: number[];
  scores: (number | null)[]; // null for nan
  side: number;
  grid: (number | null)[];
  chosen: number | null; // an example
  cross: [number, number] | null; // where the keyboard is, in the plane
}

const isDark = () => getComputedStyle(document.documentElement).getPropertyValue("color-scheme").trim() === "dark"
  || (document.documentElement.dataset.theme === undefined && matchMedia("(prefers-color-scheme: dark)").matches);
const colour = (name: string) => {
  const probe = document.createElement("i");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const shown = getComputedStyle(probe).color;
  probe.remove();
  return shown;
};

let inks: { ink: string; quiet: string; line: string; sheet: string; shades: number[][] } | null = null;
/** The theme has changed: colours are read anew. */
export const forget = () => (inks = null);
const inked = () =>
  (inks ??= {
    ink: colour("ink"),
    quiet: colour("quiet"),
    line: colour("line"),
    sheet: colour("sheet"),
    shades: FULL[isDark() ? "dark" : "light"],
  });

/** A canvas as sharp as the screen, in its own units. */
function prepared(canvas: HTMLCanvasElement): [CanvasRenderingContext2D, number, number] {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const ratio = Math.min(devicePixelRatio || 1, 2);
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d")!;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return [context, width, height];
}

const small = document.createElement("canvas");

export function drawPlane(canvas: HTMLCanvasElement, plane: Plane): void {
  const [context, width, height] = prepared(canvas);
  const { ink, sheet, shades } = inked();
  shade(context, width, height, plane, shades);
  boundary(context, width, height, plane, ink);
  const toPixels = ([x, y]: [number, number]) => {
    const [left, low, extent] = plane.extent;
    return [((x - left) / extent) * width, (1 - (y - low) / extent) * height] as const;
  };
  const size = Math.max(3.5, Math.min(6, width / 90));
  plane.places.forEach((place, i) => {
    const [x, y] = toPixels(place);
    const isAbove = plane.labels[i]! > 0;
    context.beginPath();
    if (isAbove) context.arc(x, y, size, 0, 7);
    else context.rect(x - size * 0.9, y - size * 0.9, size * 1.8, size * 1.8);
    context.fillStyle = isAbove ? ABOVE : BELOW;
    context.fill();
    const isRight = plane.scores[i] === undefined || (plane.scores[i] ?? 0) * plane.labels[i]! > 0;
    context.lineWidth = isRight ? 1.5 : 2;
    context.strokeStyle = isRight ? sheet : ink; // with a dark edge: on the wrong side
    context.stroke();
    if (i === plane.chosen) {
      context.beginPath();
      context.arc(x, y, size + 6, 0, 7);
      context.lineWidth = 3;
      context.strokeStyle = ink;
      context.stroke();
    }
  });
  if (plane.cross) {
    const [x, y] = toPixels(plane.cross);
    context.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]] as const) {
      context.moveTo(x + 4 * dx, y + 4 * dy);
      context.lineTo(x + 14 * dx, y + 14 * dy);
    }
    context.lineWidth = 2;
    context.strokeStyle = ink;
    context.stroke();
  }
}

function shade(context: CanvasRenderingContext2D, width: number, height: number, plane: Plane, shades: number[][]): void {
  const { side, grid } = plane;
  const [below, middle, above] = shades as [number[], number[], number[]];
  small.width = small.height = side;
  const paint = small.getContext("2d")!;
  const image = paint.createImageData(side, side);
  grid.forEach((score, i) => {
    const share = score === null ? 1 : Math.tanh(0.6 * Math.abs(score));
    const full = score === null ? ODD : score > 0 ? above : below;
    for (let k = 0; k < 3; k++) image.data[4 * i + k] = middle[k]! + (full[k]! - middle[k]!) * share;
    image.data[4 * i + 3] = 255;
  });
  paint.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  context.drawImage(small, 0, 0, width, height);
}

/** The line where the score is 0: between the centres of four cells it is straight. */
function boundary(context: CanvasRenderingContext2D, width: number, height: number, { side, grid }: Plane, ink: string): void {
  context.beginPath();
  const [dx, dy] = [width / side, height / side];
  for (let row = 0; row + 1 < side; row++) {
    for (let column = 0; column + 1 < side; column++) {
      const corners = [[0, 0], [1, 0], [1, 1], [0, 1]] as const;
      const values = corners.map(([right, down]) => grid[(row + down) * side + column + right] ?? null) as number[];
      if (values.some((value) => value === null)) continue;
      const crossings: [number, number][] = [];
      corners.forEach(([right, down], i) => {
        const [next, one, other] = [corners[(i + 1) % 4]!, values[i]!, values[(i + 1) % 4]!];
        if (one > 0 === other > 0) return;
        const share = one / (one - other);
        const [x, y] = [column + right + (next[0] - right) * share, row + down + (next[1] - down) * share];
        crossings.push([(x + 0.5) * dx, (y + 0.5) * dy]);
      });
      for (let i = 0; i + 1 < crossings.length; i += 2) {
        context.moveTo(...crossings[i]!);
        context.lineTo(...crossings[i + 1]!);
      }
    }
  }
  context.lineWidth = 2;
  context.lineCap = "round";
  context.strokeStyle = ink;
  context.stroke();
}

const EDGES = [52, 10, 8, 22] as const; // left, right, above and below the curve

/** The step at a place of the curve. */
export function stepAt(canvas: HTMLCanvasElement, clientX: number, newest: number): number {
  const [left, right] = EDGES;
  const box = canvas.getBoundingClientRect();
  const share = (clientX - box.left - left) / (box.width - left - right);
  return Math.round(Math.min(Math.max(share, 0), 1) * newest);
}

/** The loss of each step, and the moment that is shown. */
export function drawCurve(canvas: HTMLCanvasElement, losses: number[], at: number): void {
  const [context, width, height] = prepared(canvas);
  const { ink, quiet, line } = inked();
  context.font = `13px ${getComputedStyle(canvas).fontFamily}`;
  const top = losses.reduce((most, loss) => (Number.isFinite(loss) && loss > most ? loss : most), 1e-12) * 1.05;
  const [left, right, up, down] = EDGES;
  const last = Math.max(losses.length - 1, 1);
  const x = (step: number) => left + (step / last) * (width - left - right);
  const y = (loss: number) => up + (1 - loss / top) * (height - up - down);
  context.strokeStyle = line;
  context.fillStyle = quiet;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const mark of ticks(top)) {
    context.beginPath();
    context.moveTo(left, y(mark));
    context.lineTo(width - right, y(mark));
    context.stroke();
    context.fillText(String(Number(mark.toPrecision(3))), left - 8, y(mark));
  }
  context.textBaseline = "alphabetic";
  context.fillText(`${(losses.length - 1).toLocaleString("en")} steps`, width - right, height - 5);
  context.textAlign = "left";
  context.fillText("0", left, height - 5);

  // of many steps that share a column of pixels, the lowest and the highest loss
  context.beginPath();
  const each = Math.max(1, Math.floor(losses.length / (2 * width)));
  for (let i = 0; i < losses.length; i += each) {
    const some = losses.slice(i, i + each).filter(Number.isFinite);
    if (!some.length) continue;
    context.lineTo(x(i), y(Math.max(...some)));
    if (each > 1) context.lineTo(x(i), y(Math.min(...some)));
  }
  context.strokeStyle = ABOVE;
  context.lineWidth = 2;
  context.lineJoin = "round";
  context.stroke();

  const loss = losses[at];
  if (loss === undefined || !Number.isFinite(loss)) return;
  context.beginPath();
  context.moveTo(x(at), up);
  context.lineTo(x(at), height - down);
  context.strokeStyle = quiet;
  context.lineWidth = 1;
  context.stroke();
  context.beginPath();
  context.arc(x(at), y(loss), 4.5, 0, 7);
  context.fillStyle = ink;
  context.fill();
}

function ticks(top: number): number[] {
  const rough = top / 4;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * unit).find((n) => n >= rough)!;
  return Array.from({ length: Math.floor(top / step) + 1 }, (_, i) => i * step);
}
