import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { knownStatuses, lookOf } from "./palette";

const css = readFileSync(`${import.meta.dirname}/../../styles/theme.css`, "utf8");
const tones = ["ok", "run", "warn", "err", "hold", "off"] as const;
const surfaces = ["bg", "surface", "surface-2"];
type Rgb = [number, number, number];

function themeOf(name: string): Record<string, string> {
  const block = css.split(`[data-theme="${name}"] {`)[1]?.split("}")[0] ?? "";
  return Object.fromEntries(
    [...block.matchAll(/--([\w-]+): (#[0-9a-f]{6})/g)].map(([, key, hex]) => [key, hex]),
  );
}
function linear(hex: string): Rgb {
  return [1, 3, 5].map((at) => {
    const c = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }) as Rgb;
}
const luminance = (hex: string): number => {
  const [r, g, b] = linear(hex);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
function contrast(a: string, b: string): number {
  const [hi, lo] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (hi + 0.05) / (lo + 0.05);
}
type Matrix = [Rgb, Rgb, Rgb];
const times = (m: Matrix, v: Rgb): Rgb =>
  m.map((row) => row[0] * v[0] + row[1] * v[1] + row[2] * v[2]) as Rgb;

// Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB.
const eyes: Record<string, Matrix> = {
  normal: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};
function oklab(rgb: Rgb): Rgb {
  const lms = times(
    [
      [0.4122214708, 0.5363325363, 0.0514459929],
      [0.2119034982, 0.6806995451, 0.1073969566],
      [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    rgb,
  ).map(Math.cbrt) as Rgb;
  return times(
    [
      [0.2104542553, 0.793617785, -0.0040720468],
      [1.9779984951, -2.428592205, 0.4505937099],
      [0.0259040371, 0.7827717662, -0.808675766],
    ],
    lms,
  );
}
const clip = (rgb: Rgb): Rgb => rgb.map((c) => Math.min(1, Math.max(0, c))) as Rgb;
function distance(a: string, b: string, eye: Matrix): number {
  const [x, y] = [a, b].map((hex) => oklab(clip(times(eye, linear(hex))))) as [Rgb, Rgb];
  return 100 * Math.hypot(x[0] - y[0], x[1] - y[1], x[2] - y[2]);
}

describe.each(["light", "dark"])("the %s theme", (name) => {
  const theme = themeOf(name);
  const color = (role: string): string => theme[role] ?? "#000000";

  it.each([...tones, "fg", "muted", "accent"])("shows %s readably on every surface", (role) => {
    for (const surface of surfaces) {
      expect(contrast(color(role), color(surface)), `${role} on ${surface}`).toBeGreaterThanOrEqual(4.5);
    }
  });

  it("shows the words on the accent readably", () => {
    expect(contrast(color("on-accent"), color("accent"))).toBeGreaterThanOrEqual(4.5);
  });

  it.each(Object.entries(eyes))("keeps the statuses apart for %s vision", (_, eye) => {
    tones.forEach((one, place) => {
      for (const other of tones.slice(place + 1)) {
        expect(distance(color(one), color(other), eye), `${one} and ${other}`).toBeGreaterThanOrEqual(8);
      }
    });
  });
});

describe("statuses", () => {
  it("all have a word of their own", () => {
    const words = knownStatuses.map((status) => lookOf(status).label);
    expect(new Set(words).size).toBe(words.length);
  });

  it("differ by shape within one tone, so that colour is never the only difference", () => {
    const agents = ["idle", "busy", "waiting", "paused", "error", "offline"].map(
      (status) => lookOf(status).icon,
    );
    expect(new Set(agents).size).toBe(agents.length);
    const steps = [
      "pending",
      "queued",
      "running",
      "completed",
      "failed",
      "cancelled",
      "skipped",
      "timed_out",
    ];
    expect(new Set(steps.map((status) => lookOf(status).icon)).size).toBe(steps.length);
  });

  it("show an unknown one as it is", () => {
    expect(lookOf("pondering")).toMatchObject({ label: "pondering", tone: "off" });
  });
});
