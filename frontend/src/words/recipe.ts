/** Words of the screen where edits are set up and run. */
const edits: Record<string, string> = {
  brightness: "Brightness",
  contrast: "Contrast",
  gamma: "Gamma",
  hue: "Hue",
  saturation: "Saturation",
  sharpen: "Sharpen",
  noise: "Noise",
  opacity: "Opacity",
};
export const recipeWords = { edits } as const;
