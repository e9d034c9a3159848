const KEY = "sandtable.wall.key";
const NAME = "sandtable.wall.name";

/** A name that is one in the world; `crypto.randomUUID` is missing on pages that come over plain HTTP. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Which wall this page is. A reloaded page is the same wall; a second one beside it is another. */
export class WallIdentity {
  key: string;
  /** Whether this very page has been this wall before. */
  isAgain: boolean;

  constructor() {
    const own = sessionStorage.getItem(KEY);
    this.isAgain = own !== null;
    // A browser that was closed takes up its wall again, unless another page has done so meanwhile.
    this.key = own ?? localStorage.getItem(KEY) ?? newKey();
  }

  /** What people call the wall; "" where nobody has named it. */
  get name(): string {
    return localStorage.getItem(NAME) ?? "";
  }

  set name(name: string) {
    if (name === "") localStorage.removeItem(NAME);
    else localStorage.setItem(NAME, name);
  }

  /** The server has taken us for this wall. */
  keep(): void {
    this.isAgain = true;
    sessionStorage.setItem(KEY, this.key);
    localStorage.setItem(KEY, this.key);
  }

  /** Another page is this wall: become one of our own. */
  renew(): void {
    this.key = newKey();
    this.isAgain = false;
  }
}
