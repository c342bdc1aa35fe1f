"use strict";
// Draws what the report's data hold. Nothing is fetched: the page is complete as it is.
const data = JSON.parse(document.getElementById("data").textContent);
const colours = ["#3366cc", "#d95f02", "#1b9e77", "#b8860b", "#c2458b", "#7570b3", "#4d9221", "#8c510a", "#35978f", "#a6366b"];

function element(name, attributes = {}, ...children) {
  const svg = ["svg", "path", "polygon", "line", "text", "title", "g"].includes(name) && attributes.svg !== false;
  const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (key !== "svg") node.setAttribute(key, value);
  for (const child of children) node.append(child);
  return node;
}

const number = (x) => x === null || x === undefined ? "" : Math.abs(x) >= 1e5 || (x !== 0 && Math.abs(x) < 1e-3) ? x.toExponential(2) : String(+x.toPrecision(4));

// ---- tables ------------------------------------------------------------------------------------------------------

function table(columns, rows, caption) {
  const head = element("tr"), body = element("tbody");
  const node = element("table", {}, element("caption", {class: "dim"}, caption), element("thead", {}, head), body);
  const is_number = columns.map((_, i) => rows.every((row) => row[i] === null || typeof row[i] === "number"));
  const fill = (sorted) => {
    body.replaceChildren(...sorted.map((row) => element("tr", {}, ...row.map((cell, i) =>
      element("td", is_number[i] ? {class: "number"} : {}, typeof cell === "number" ? number(cell) : cell ?? "")))));
  };
  let by = -1, up = true;
  columns.forEach((column, i) => {
    const button = element("button", {type: "button"}, column);
    const cell = element("th", {scope: "col", ...(is_number[i] ? {class: "number"} : {})}, button);
    button.addEventListener("click", () => {
      up = by === i ? !up : true;
      by = i;
      for (const other of head.children) other.removeAttribute("aria-sort");
      cell.setAttribute("aria-sort", up ? "ascending" : "descending");
      const order = (a, b) => a[i] === b[i] ? 0 : a[i] === null ? 1 : b[i] === null ? -1 : (a[i] < b[i] ? -1 : 1) * (up ? 1 : -1);
      fill([...rows].sort(order));
    });
    head.append(cell);
  });
  fill(rows);
  return element("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": caption}, node);
}

function with_filter(columns, rows, caption) {
  const input = element("input", {type: "search", placeholder: "filter", "aria-label": "filter " + caption});
  const place = element("div");
  const show = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    place.replaceChildren(table(columns, rows.filter((row) => words.every((word) => row.some((cell) => String(cell ?? "").toLowerCase().includes(word)))), caption));
  };
  input.addEventListener("input", show);
  show();
  return element("div", {}, element("p", {class: "controls"}, input), place);
}

// ---- plots -------------------------------------------------------------------------------------------------------

const width = 720, height = 300, left = 62, right = 10, top_ = 10, bottom = 34;

function ticks(low, high, logarithmic) {
  if (logarithmic) {
    const all = [];
    const first = Math.ceil(Math.log10(low) - 1e-9), last = Math.floor(Math.log10(high) + 1e-9), step = Math.max(1, Math.ceil((last - first) / 6));
    for (let k = first; k <= last; k += step) all.push(10 ** k);
    return all.length > 1 ? all : [low, high];
  }
  const raw = (high - low) / 5 || 1, unit = 10 ** Math.floor(Math.log10(raw)), step = unit * [1, 2, 5, 10].find((m) => m * unit >= raw);
  const all = [];
  for (let x = Math.ceil(low / step) * step; x <= high + step * 1e-9; x += step) all.push(Math.abs(x) < step * 1e-9 ? 0 : x);
  return all;
}

// series: {name, x: [], y: [], low: [], high: []}; values that a logarithmic axis cannot show are left out.
function plot(series, {x_name, y_name, logarithmic}) {
  const shown = (y) => y !== null && Number.isFinite(y) && (!logarithmic || y > 0);
  const ys = series.flatMap((s) => [...s.y, ...(s.low ?? []), ...(s.high ?? [])]).filter(shown), xs = series.flatMap((s) => s.x);
  const svg = element("svg", {viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${y_name} over ${x_name}; the values are in the table below`});
  if (!ys.length) return svg;
  let low = Math.min(...ys), high = Math.max(...ys);
  if (low === high) [low, high] = logarithmic ? [low / 2, high * 2] : [low - 0.5, high + 0.5];
  const x_low = Math.min(...xs), x_high = Math.max(...xs, x_low + 1);
  const scale = (y) => logarithmic ? Math.log(y) : y;
  const at_x = (x) => left + (width - left - right) * (x - x_low) / (x_high - x_low);
  const at_y = (y) => height - bottom - (height - top_ - bottom) * (scale(y) - scale(low)) / (scale(high) - scale(low));
  for (const y of ticks(low, high, logarithmic)) {
    svg.append(element("line", {x1: left, x2: width - right, y1: at_y(y), y2: at_y(y), stroke: "var(--line)"}));
    svg.append(element("text", {x: left - 6, y: at_y(y) + 4, "text-anchor": "end"}, number(y)));
  }
  for (const x of ticks(x_low, x_high, false)) svg.append(element("text", {x: at_x(x), y: height - bottom + 16, "text-anchor": "middle"}, number(x)));
  svg.append(element("text", {x: (left + width) / 2, y: height - 4, "text-anchor": "middle"}, x_name));
  series.forEach((s, k) => {
    const colour = colours[k % colours.length];
    if (s.low) {
      const upper = s.x.map((x, i) => shown(s.high[i]) && shown(s.low[i]) ? `${at_x(x)},${at_y(s.high[i])}` : null).filter(Boolean);
      const lower = s.x.map((x, i) => shown(s.high[i]) && shown(s.low[i]) ? `${at_x(x)},${at_y(s.low[i])}` : null).filter(Boolean).reverse();
      svg.append(element("polygon", {points: [...upper, ...lower].join(" "), fill: colour, opacity: 0.18}));
    }
    let path = "", pen = "M";
    s.x.forEach((x, i) => {
      if (!shown(s.y[i])) return void (pen = "M");
      path += `${pen}${at_x(x).toFixed(1)},${at_y(s.y[i]).toFixed(1)}`;
      pen = "L";
    });
    svg.append(element("path", {d: path, fill: "none", stroke: colour, "stroke-width": 1.8, "stroke-dasharray": k >= colours.length ? "5 3" : "none"}, element("title", {}, s.name)));
  });
  return svg;
}

function legend(series) {
  return element("p", {class: "legend"}, ...series.map((s, k) =>
    element("span", {}, element("i", {style: `background:${colours[k % colours.length]}`}), s.name)));
}

function values_table(series, x_name, caption) {
  const rows = series.flatMap((s) => s.x.map((x, i) => [s.name, x, s.y[i], ...(s.low ? [s.low[i], s.high[i]] : [])]));
  const bands = series.some((s) => s.low);
  const details = element("details", {}, element("summary", {}, "values"));
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1)
      details.append(table(["series", x_name, bands ? "mean" : "value", ...(bands ? ["lowest", "highest"] : [])], rows, caption));
  });
  return details;
}

// ---- what the runs say -------------------------------------------------------------------------------------------

const finished = data.runs.filter((run) => run.state === "done" || run.state === "diverged");
const names_of = (list) => [...new Set(list)];

// Settings that differ between the runs of one problem: what tells them apart.
function varying(runs) {
  const keys = names_of(runs.flatMap((run) => Object.keys(run.settings)));
  return keys.filter((key) => names_of(runs.map((run) => run.settings[key] ?? "")).length > 1);
}

// Runs that differ in nothing but the seed, with a name for what they share.
function groups(runs) {
  const keys = varying(runs), all = new Map();
  for (const run of runs) {
    const name = [run.runner, ...keys.map((key) => `${key}=${run.settings[key] ?? ""}`)].join(" ");
    if (!all.has(name)) all.set(name, []);
    all.get(name).push(run);
  }
  return all;
}

// Mean, lowest and highest over the runs of a group, at each place all of them have.
function banded(name, curves) {
  const length = Math.min(...curves.map((curve) => curve.y.length));
  const at = (i) => curves.map((curve) => curve.y[i]).filter((y) => y !== null);
  const indices = [...Array(length).keys()];
  const of = (f) => indices.map((i) => at(i).length ? f(at(i)) : null);
  const result = {name, x: curves[0].x.slice(0, length), y: of((v) => v.reduce((a, b) => a + b, 0) / v.length)};
  if (curves.length > 1) Object.assign(result, {low: of((v) => Math.min(...v)), high: of((v) => Math.max(...v))});
  return result;
}

function curves_section(problem, runs) {
  const section = element("section", {}, element("h3", {}, problem));
  const kinds = names_of(runs.flatMap((run) => Object.keys(run.curves)));
  const choose = element("select", {"aria-label": "curve of " + problem}, ...kinds.map((kind) => element("option", {}, kind)));
  const logarithmic = element("input", {type: "checkbox"});
  const place = element("div");
  const show = () => {
    const series = [...groups(runs)].map(([name, members]) => [name, members.filter((run) => run.curves[choose.value])])
      .filter(([, members]) => members.length)
      .map(([name, members]) => banded(name, members.map((run) => ({x: run.curves[choose.value].map((_, i) => i), y: run.curves[choose.value]}))));
    place.replaceChildren(plot(series, {x_name: "epoch", y_name: choose.value, logarithmic: logarithmic.checked}), legend(series),
      values_table(series, "epoch", `${choose.value} of ${problem} over epochs`));
  };
  choose.addEventListener("change", show);
  logarithmic.addEventListener("change", show);
  section.append(element("p", {class: "controls"}, element("label", {}, "curve ", choose), element("label", {}, logarithmic, " logarithmic")), place);
  show();
  return section;
}

function quantities_section(problem, runs) {
  const section = element("section", {}, element("h3", {}, problem));
  const kinds = names_of(runs.flatMap((run) => Object.keys(run.quantities))).sort();
  if (!kinds.length) return null;
  const choose = element("select", {"aria-label": "quantity of " + problem}, ...kinds.map((kind) => element("option", {}, kind)));
  const logarithmic = element("input", {type: "checkbox"});
  const place = element("div");
  const show = () => {
    const series = [...groups(runs)].map(([name, members]) => [name, members.filter((run) => run.quantities[choose.value])])
      .filter(([, members]) => members.length)
      .map(([name, members]) => banded(name, members.map((run) => run.quantities[choose.value])));
    place.replaceChildren(plot(series, {x_name: "step", y_name: choose.value, logarithmic: logarithmic.checked}), legend(series),
      values_table(series, "step", `${choose.value} of ${problem} over steps`));
  };
  choose.addEventListener("change", show);
  logarithmic.addEventListener("change", show);
  section.append(element("p", {class: "controls"}, element("label", {}, "quantity ", choose), element("label", {}, logarithmic, " logarithmic")), place);
  show();
  return section;
}

const last = (run, kind) => run.curves[kind]?.at(-1) ?? null;

// Best first, by the mean of the final validation accuracy, or loss where there is none, over seeds.
function best_rows(problem, runs) {
  const by = runs.some((run) => run.curves["valid accuracy"]) ? "valid accuracy" : "valid loss";
  const mean = (values) => values.length ? values.reduce((a, b) => a + b, 0) / values.length : null;
  const rows = [...groups(runs)].map(([name, members]) => [problem, name, members.length,
    ...["valid loss", "valid accuracy", "test loss", "test accuracy"].map((kind) => mean(members.map((run) => last(run, kind)).filter((x) => x !== null)))]);
  const column = by === "valid accuracy" ? 4 : 3, sign = by === "valid accuracy" ? -1 : 1;
  return rows.sort((a, b) => a[column] === null ? 1 : b[column] === null ? -1 : sign * (a[column] - b[column]));
}

// How the mean of the final validation loss moves with each setting that varies.
function sensitivity_rows(problem, runs) {
  return varying(runs).flatMap((key) => names_of(runs.map((run) => run.settings[key] ?? "")).map((value) => {
    const losses = runs.filter((run) => (run.settings[key] ?? "") === value).map((run) => last(run, "valid loss")).filter((x) => x !== null);
    const mean = losses.length ? losses.reduce((a, b) => a + b, 0) / losses.length : null;
    return [problem, key, value, losses.length, mean, losses.length ? Math.min(...losses) : null, losses.length ? Math.max(...losses) : null];
  }));
}

// ---- beside published curves -------------------------------------------------------------------------------------

// A published curve as far as ours go, with one standard deviation on either side.
function published_series(optimizer, kind, length) {
  const {mean, std} = optimizer[kind];
  const y = mean.slice(0, length);
  return {name: `published ${optimizer.name}`, x: y.map((_, i) => i), y, low: y.map((m, i) => m - std[i]), high: y.map((m, i) => m + std[i])};
}

// The last epoch that both have. Inside: no further from the published mean than two of its standard deviations.
function verdict_row(problem, ours, members, optimizer, kind) {
  const {mean, std} = optimizer[kind];
  const epoch = Math.min(ours.y.length, mean.length) - 1, value = ours.y[epoch];
  const distance = value === null ? null : value - mean[epoch], better = kind.endsWith("accuracy") ? distance > 0 : distance < 0;
  const verdict = value === null ? "diverged" : Math.abs(distance) <= 2 * std[epoch] ? "inside" : better ? "outside, better" : "outside, worse";
  return [problem, ours.name, members, optimizer.name, kind, epoch, value, mean[epoch], std[epoch], verdict];
}

// The best setting of a problem beside what was published of it: settings that were best of many as well.
function baseline_section(problem, runs, verdicts) {
  const published = data.baselines[problem];
  if (!published) return null;
  const section = element("section", {}, element("h3", {}, problem));
  for (const caveat of published.caveats) section.append(element("p", {class: "dim"}, caveat));
  const comparable = runs.filter((run) => run.settings.source !== "synthetic");
  if (!comparable.length) {
    section.append(element("p", {}, "Not compared: these runs are of synthetic data."));
    return section;
  }
  const best = best_rows(problem, comparable)[0][1], members = groups(comparable).get(best);
  if (members[0].settings["problem.train_on"] && members[0].settings["problem.train_on"] !== "all")
    section.append(element("p", {class: "dim"}, "These runs hold images out for validation; the published ones do not."));
  for (const kind of ["test loss", "test accuracy"]) {
    const optimizers = published.optimizers.filter((optimizer) => optimizer[kind]), with_kind = members.filter((run) => run.curves[kind]);
    if (!optimizers.length || !with_kind.length) continue;
    const ours = banded(best, with_kind.map((run) => ({x: run.curves[kind].map((_, i) => i), y: run.curves[kind]})));
    const series = [ours, ...optimizers.map((optimizer) => published_series(optimizer, kind, ours.y.length))];
    section.append(element("p", {}, kind), plot(series, {x_name: "epoch", y_name: `${kind} beside published curves`, logarithmic: false}), legend(series),
      values_table(series, "epoch", `${kind} of ${problem} beside published curves`));
    verdicts.push(...optimizers.map((optimizer) => verdict_row(problem, ours, with_kind.length, optimizer, kind)));
  }
  return section;
}

function baselines_part(problems, of_problem) {
  const verdicts = [], sections = problems.map((problem) => baseline_section(problem, of_problem(problem), verdicts)).filter(Boolean);
  if (!sections.length) return [element("p", {}, "Nothing was published of these problems.")];
  const caption = "the best setting at the last epoch that both have; inside: within two standard deviations of the published mean";
  const columns = ["problem", "setting", "seeds", "published", "curve", "epoch", "ours", "published mean", "published std", "verdict"];
  return [...(verdicts.length ? [table(columns, verdicts, caption)] : []), ...sections];
}

function into(id, ...nodes) {
  document.getElementById(id).append(...nodes.filter(Boolean));
}

const problems = names_of(finished.map((run) => run.problem));
const of_problem = (problem) => finished.filter((run) => run.problem === problem);
into("curves", ...problems.map((problem) => curves_section(problem, of_problem(problem))));
into("baselines", ...baselines_part(problems, of_problem));
into("quantities", ...problems.map((problem) => quantities_section(problem, of_problem(problem))));
into("best", table(["problem", "setting", "seeds", "valid loss", "valid accuracy", "test loss", "test accuracy"],
  problems.flatMap((problem) => best_rows(problem, of_problem(problem))), "final results, mean over seeds, best setting of each problem first"));
into("sensitivity", table(["problem", "setting", "value", "runs", "mean valid loss", "lowest", "highest"],
  problems.flatMap((problem) => sensitivity_rows(problem, of_problem(problem))), "final validation loss by the values of each setting that varies"));
const keys = varying(data.runs);
into("runs", with_filter(["run", "problem", "runner", "seed", ...keys, "state", "test loss", "test accuracy", "training s"],
  data.runs.map((run) => [run.id, run.problem, run.runner, run.seed, ...keys.map((key) => run.settings[key] ?? ""), run.state,
    last(run, "test loss"), last(run, "test accuracy"), run.seconds]), "every run"));
const failures = data.runs.filter((run) => run.reason);
into("failures", failures.length ? table(["run", "problem", "what happened"], failures.map((run) => [run.id, run.problem, run.reason]), "failed runs")
  : element("p", {}, "None."));
