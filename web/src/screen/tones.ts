import type { Grade } from "./alerts";

/** Hertz and seconds of each grade's tone: the graver, the higher. */
const TONES: Readonly<Record<Grade, readonly [hertz: number, seconds: number]>> = {
  1: [880, 0.5],
  2: [660, 0.35],
  3: [520, 0.25],
  4: [440, 0.2],
};
const LOUDNESS = 0.2;

/** One short tone per grade. Silent until the operator allows it: a browser plays nothing before a click anyway. */
export class Tones {
  private context: AudioContext | null = null;

  get isOn(): boolean {
    return this.context !== null;
  }

  /** On or off; to be called from a click. */
  switch(): void {
    if (this.isOn) {
      this.hush();
      return;
    }
    this.context = new AudioContext();
    this.play(4);
  }

  hush(): void {
    void this.context?.close();
    this.context = null;
  }

  play(grade: Grade): void {
    if (this.context === null) return;
    const [hertz, seconds] = TONES[grade];
    const { currentTime } = this.context;
    const tone = this.context.createOscillator();
    const volume = this.context.createGain();
    tone.frequency.value = hertz;
    // A tone that begins and ends at once clicks.
    volume.gain.setValueAtTime(0, currentTime);
    volume.gain.linearRampToValueAtTime(LOUDNESS, currentTime + 0.02);
    volume.gain.linearRampToValueAtTime(0, currentTime + seconds);
    tone.connect(volume).connect(this.context.destination);
    tone.start();
    tone.stop(currentTime + seconds);
  }
}
