//! Small PNG pictures, written as the specification has them (W3C PNG, third edition).
import { crc32, deflateSync } from 'node:zlib';

function chunk(kind, data) {
  const body = Buffer.concat([Buffer.from(kind, 'latin1'), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
}

/** An RGBA picture; `pixel(x, y)` gives four bytes. */
export function png(width, height, pixel) {
  const rows = Buffer.alloc(height * (1 + 4 * width));
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) rows.set(pixel(x, y), y * (1 + 4 * width) + 1 + 4 * x);
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 6, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** Numbers from 0 to 1, the same for the same seed. */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A tile of a town from above: its picture, the mask of its houses, and a mask that is wrong by `error` pixels. */
export function tile(seed, size = 128) {
  const next = random(seed * 7919 + 1);
  const houses = Array.from({ length: 5 + Math.floor(next() * 9) }, () => ({
    x: next() * size * 0.85,
    y: next() * size * 0.85,
    w: 10 + next() * 22,
    h: 10 + next() * 22,
    roof: [
      [150, 90, 75],
      [120, 120, 128],
      [176, 160, 140],
      [98, 76, 70],
    ][Math.floor(next() * 4)],
  }));
  const noise = random(seed + 99);
  const grain = Array.from({ length: size * size }, () => noise());
  const street = Math.floor(size * (0.3 + 0.4 * next()));
  const within = (house, x, y, grow) =>
    x >= house.x - grow &&
    x < house.x + house.w + grow &&
    y >= house.y - grow &&
    y < house.y + house.h + grow;
  const input = png(size, size, (x, y) => {
    const light = 0.85 + 0.3 * grain[y * size + x];
    const house = houses.find(one => within(one, x, y, 0));
    const base = house
      ? house.roof.map(c => c * (x - house.x < house.w / 2 ? 1.12 : 0.88))
      : Math.abs(y - street) < 6
        ? [110, 110, 112]
        : [74, 98, 58];
    return [...base.map(c => Math.min(255, c * light)), 255];
  });
  const mask = (colour, grow, missing) =>
    png(size, size, (x, y) => {
      const hit = houses.some((house, at) => !missing.includes(at) && within(house, x, y, grow));
      return hit ? [...colour, 190] : [0, 0, 0, 0];
    });
  return {
    input,
    truth: mask([64, 200, 120], 0, []),
    prediction: (error, missing = []) => mask([240, 130, 40], error, missing),
    houses,
  };
}
