// Pictures that are cropped are shown by the point that their owner chose.

export function focal(root) {
  for (const image of root.querySelectorAll("img[data-focal-x]")) {
    image.style.objectPosition = position(image.dataset.focalX, image.dataset.focalY);
  }
}

export function position(x, y) {
  return `${(Number(x) * 100).toFixed(1)}% ${(Number(y) * 100).toFixed(1)}%`;
}
