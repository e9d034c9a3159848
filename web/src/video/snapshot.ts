/** Lines burnt into the picture's foot: which camera, where, when. */
export interface Caption {
  name: string;
  place: string;
  time: string;
}

const FOOT = 0.045;

/** The present picture of a video, with its caption, as a PNG; null: there is no picture yet. */
export async function snapshot(video: HTMLVideoElement, caption: Caption): Promise<Blob | null> {
  const { videoWidth: width, videoHeight: height } = video;
  if (width === 0 || height === 0) return null;
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  if (context === null) return null;
  context.drawImage(video, 0, 0, width, height);
  const size = Math.max(12, Math.round(height * FOOT));
  context.font = `${size}px "Noto Sans SC Variable", sans-serif`;
  context.textBaseline = "bottom";
  context.lineWidth = size / 6;
  context.strokeStyle = "#000";
  context.fillStyle = "#fff";
  const write = (text: string, x: number, y: number, align: CanvasTextAlign): void => {
    context.textAlign = align;
    context.strokeText(text, x, y, width - size);
    context.fillText(text, x, y, width - size);
  };
  write(caption.time, width - size / 2, size * 1.5, "right");
  write([caption.name, caption.place].filter((text) => text !== "").join("  "), size / 2, height - size / 2, "left");
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

/** Gives a file to the person. */
export function download(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Gives the present picture to the person as a file; false: there is none yet. */
export async function keepSnapshot(video: HTMLVideoElement, caption: Caption): Promise<boolean> {
  const picture = await snapshot(video, caption);
  if (picture !== null) download(picture, `${caption.name}-${caption.time.replace(/\D/g, "")}.png`);
  return picture !== null;
}
