/**
 * Colours by name. Charts are drawn with the light values; inside the page each is replaced by its CSS variable,
 * so that one SVG serves both schemes and the file front.svg needs no style sheet.
 */
export interface Colour {
  readonly variable: string;
  readonly light: string;
  readonly dark: string;
}

export const ink: Colour = { variable: '--ink', light: '#1f2430', dark: '#e6e8ee' };
export const muted: Colour = { variable: '--muted', light: '#667085', dark: '#98a1b3' };
export const grid: Colour = { variable: '--grid', light: '#e4e7ec', dark: '#303644' };
export const paper: Colour = { variable: '--paper', light: '#fdfdfe', dark: '#171a21' };

/** One a curve, told apart also by the colour-blind in the first five; a 17th curve has the colour of the first. */
export const curveColours: readonly Colour[] = [
  { variable: '--curve-1', light: '#2166ac', dark: '#78b4ee' },
  { variable: '--curve-2', light: '#d95f02', dark: '#f5a45b' },
  { variable: '--curve-3', light: '#1b8a5b', dark: '#5fc99a' },
  { variable: '--curve-4', light: '#b1327a', dark: '#ee88ba' },
  { variable: '--curve-5', light: '#6f5fb8', dark: '#b3a8f2' },
  { variable: '--curve-6', light: '#8c6d1f', dark: '#d8b75a' },
  { variable: '--curve-7', light: '#0f8a97', dark: '#58cad6' },
  { variable: '--curve-8', light: '#9f3a2b', dark: '#ef8c7b' },
  { variable: '--curve-9', light: '#556b2f', dark: '#a9c27a' },
  { variable: '--curve-10', light: '#8e24aa', dark: '#d88bf0' },
  { variable: '--curve-11', light: '#455a64', dark: '#a7bcc6' },
  { variable: '--curve-12', light: '#c2185b', dark: '#ff7aa8' },
  { variable: '--curve-13', light: '#b38600', dark: '#e8c84a' },
  { variable: '--curve-14', light: '#3949ab', dark: '#94a3ff' },
  { variable: '--curve-15', light: '#7b4b2a', dark: '#cf9f7a' },
  { variable: '--curve-16', light: '#00695c', dark: '#6fb8ad' },
];

export function curveColour(index: number): Colour {
  return curveColours[index % curveColours.length] ?? ink;
}

export const allColours: readonly Colour[] = [ink, muted, grid, paper, ...curveColours];

/** The SVG with its colours as CSS variables, for a page that defines them. */
export function withVariables(svg: string): string {
  return allColours.reduce((text, colour) => text.replaceAll(colour.light, `var(${colour.variable})`), svg);
}
