// Fetches the machine room anew every few seconds, while it is looked at.
(() => {
  const EVERY_MS = 5000;
  const room = document.getElementById("machineroom");
  const late = document.getElementById("machineroom-late");
  if (!room || !late) return;

  async function refresh() {
    const answer = await fetch(room.dataset.now, { headers: { Accept: "text/html" }, redirect: "error" });
    if (!answer.ok) throw new Error(String(answer.status));
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    // Wide tables stay scrolled to where they were.
    const scrolled = [...room.querySelectorAll(".desk-scroll")].map((box) => box.scrollLeft);
    room.replaceChildren(...fresh.body.childNodes);
    room.querySelectorAll(".desk-scroll").forEach((box, at) => (box.scrollLeft = scrolled[at] ?? 0));
  }

  async function turn() {
    if (!document.hidden && !room.contains(document.activeElement)) {
      try {
        await refresh();
        late.hidden = true;
      } catch {
        late.hidden = false;
      }
    }
    setTimeout(turn, EVERY_MS);
  }
  setTimeout(turn, EVERY_MS);
})();
