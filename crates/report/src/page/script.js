"use strict";
// Each figure as SVG, PNG and CSV. The page needs none of this to be read.

/** The figure as a document of its own, in the colours that the reader sees. */
function standalone(svg) {
  const copy = svg.cloneNode(true);
  const style = getComputedStyle(svg);
  for (const name of ["surface", "text", "muted", "axis", "grid"]) {
    copy.style.setProperty("--mm-" + name, style.getPropertyValue("--mm-" + name));
  }
  for (let index = 0; index < 6; index += 1) {
    const name = "--mm-series-" + index;
    copy.style.setProperty(name, style.getPropertyValue(name));
  }
  return new XMLSerializer().serializeToString(copy);
}

/** The figure on a canvas, two pixels a unit. */
async function rasterized(svg, scale = 2) {
  const address = URL.createObjectURL(new Blob([standalone(svg)], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = address;
    await image.decode();
    const box = svg.viewBox.baseVal;
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(scale * box.width);
    canvas.height = Math.round(scale * box.height);
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return canvas;
  } finally {
    URL.revokeObjectURL(address);
  }
}

/** The figure's numbers, one row a point. */
function commaSeparated(figure) {
  const cell = (value) => {
    const text = value === null || value === undefined ? "" : String(value);
    return /[",\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
  };
  const lines = ["panel,series,x_quantity,y_quantity,x,y,x_error,y_error,upper"];
  for (const series of JSON.parse(figure.querySelector("script.data").textContent)) {
    const head = [series.panel, series.series, series.x, series.y].map(cell).join(",");
    for (const row of series.rows) {
      lines.push(head + "," + [0, 1, 2, 3, 4].map((index) => cell(row[index])).join(","));
    }
  }
  return lines.join("\n") + "\n";
}

function save(name, blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

for (const figure of document.querySelectorAll("figure.exhibit")) {
  const plot = figure.querySelector(".plot");
  const svg = plot.querySelector("svg");
  const name = figure.dataset.name;
  const drawn = {
    SVG: async () => save(name + ".svg", new Blob([standalone(svg)], { type: "image/svg+xml" })),
    PNG: async () => (await rasterized(svg)).toBlob((blob) => save(name + ".png", blob)),
  };
  // A figure that could not be drawn still has its numbers.
  const makers = {
    ...(svg ? drawn : {}),
    CSV: async () => save(name + ".csv", new Blob([commaSeparated(figure)], { type: "text/csv" })),
  };
  const row = document.createElement("div");
  row.className = "downloads";
  row.append("Download");
  for (const [label, make] of Object.entries(makers)) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.setAttribute("aria-label", "Download " + name + " as " + label);
    button.addEventListener("click", make);
    row.append(button);
  }
  plot.append(row);
}
