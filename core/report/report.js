"use strict";
// Draws what the report's data hold. Nothing is fetched: the page is complete as it is.
const data = JSON.parse(document.getElementById("data").textContent);
const colours = ["#3366cc", "#d95f02", "#1b9e77", "#b8860b", "#c2458b", "#7570b3", "#4d9221", "#8c510a", "#35978f", "#a6366b"];

function element(name, attributes = {}, ...children) {
  const svg = ["svg", "path", "polygon", "line", "text", "title", "circle"].includes(name) && attributes.svg !== false;
  const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (key !== "svg") node.setAttribute(key, value);
  for (const child of children) node.append(child);
  return node;
}

// Without the limit that a call has on its arguments.
const smallest = (list) => list.reduce((a, b) => b < a ? b : a, Infinity), largest = (list) => list.reduce((a, b) => b > a ? b : a, -Infinity);

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

// The part of a series that a logarithmic x axis can show.
function positive(series) {
  const kept = series.x.map((x, i) => x > 0 ? i : -1).filter((i) => i >= 0), pick = (list) => list && kept.map((i) => list[i]);
  return {...series, x: pick(series.x), y: pick(series.y), low: pick(series.low), high: pick(series.high)};
}

// series: {name, x: [], y: [], low: [], high: []}; what a logarithmic axis cannot show is left out.
function plot(all, {x_name, y_name, logarithmic, x_logarithmic, points}) {
  const series = x_logarithmic ? all.map(positive) : all;
  const shown = (y) => y !== null && Number.isFinite(y) && (!logarithmic || y > 0);
  const ys = series.flatMap((s) => [...s.y, ...(s.low ?? []), ...(s.high ?? [])]).filter(shown), xs = series.flatMap((s) => s.x);
  const svg = element("svg", {viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${y_name} over ${x_name}; the values are in the table below`});
  if (!ys.length) {
    svg.append(element("text", {x: width / 2, y: height / 2, "text-anchor": "middle"}, "nothing that these axes can show"));
    return svg;
  }
  let low = smallest(ys), high = largest(ys);
  if (low === high) [low, high] = logarithmic ? [low / 2, high * 2] : [low - 0.5, high + 0.5];
  let x_low = smallest(xs), x_high = largest(xs);
  if (x_low === x_high) [x_low, x_high] = x_logarithmic ? [x_low / 2, x_high * 2] : [x_low, x_low + 1];
  const scale = (y) => logarithmic ? Math.log(y) : y, x_scale = (x) => x_logarithmic ? Math.log(x) : x;
  const at_x = (x) => left + (width - left - right) * (x_scale(x) - x_scale(x_low)) / (x_scale(x_high) - x_scale(x_low));
  const at_y = (y) => height - bottom - (height - top_ - bottom) * (scale(y) - scale(low)) / (scale(high) - scale(low));
  for (const y of ticks(low, high, logarithmic)) {
    svg.append(element("line", {x1: left, x2: width - right, y1: at_y(y), y2: at_y(y), stroke: "var(--line)"}));
    svg.append(element("text", {x: left - 6, y: at_y(y) + 4, "text-anchor": "end"}, number(y)));
  }
  for (const x of ticks(x_low, x_high, x_logarithmic)) svg.append(element("text", {x: at_x(x), y: height - bottom + 16, "text-anchor": "middle"}, number(x)));
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
    // A single value has no line, and marked ones are seen as such.
    if (points || s.x.length === 1)
      s.x.forEach((x, i) => shown(s.y[i]) && svg.append(element("circle", {cx: at_x(x), cy: at_y(s.y[i]), r: 3, fill: colour})));
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

// Settings that differ between runs: what tells them apart. An extension that only some have counts once, its options where
// they differ among those; options of a runner where they differ among its runs.
function varying(runs) {
  const all = new Set(runs.flatMap((run) => Object.keys(run.settings)));
  const is_of_extension = (key) => !key.endsWith(".plugin") && all.has(key.split(".")[0] + ".plugin");
  return [...all].filter((key) => {
    const runners = new Set(runs.filter((run) => key in run.settings).map((run) => run.runner));
    const counted = runs.filter((run) => key in run.settings || (runners.has(run.runner) && !is_of_extension(key)));
    return names_of(counted.map((run) => run.settings[key] ?? "")).length > 1;
  });
}

const by_id = new Map(data.runs.map((run) => [run.id, run]));
const name_of = (setting) => [setting.runner, setting.setting].filter(Boolean).join(" ");
const settings_of = (problem) => data.settings.filter((setting) => setting.problem === problem);

// Runs that differ in nothing but the seed, by the name of what they share, the best first.
function groups(runs) {
  const all = new Map(), there = new Set(runs.map((run) => run.id));
  for (const setting of [...data.settings].sort((a, b) => a.rank[data.best_by] - b.rank[data.best_by])) {
    const members = setting.runs.filter((id) => there.has(id)).map((id) => by_id.get(id));
    if (members.length) all.set(name_of(setting), members);
  }
  return all;
}

// Mean, lowest and highest over the runs of a group, at each place all of them have.
function banded(name, curves) {
  const length = smallest(curves.map((curve) => curve.y.length));
  const at = (i) => curves.map((curve) => curve.y[i]).filter((y) => y !== null);
  const indices = [...Array(length).keys()];
  const of = (f) => indices.map((i) => at(i).length ? f(at(i)) : null);
  const result = {name, x: curves[0].x.slice(0, length), y: of((v) => v.reduce((a, b) => a + b, 0) / v.length)};
  if (curves.length > 1) Object.assign(result, {low: of((v) => smallest(v)), high: of((v) => largest(v))});
  return result;
}

// A plot of one kind of series out of several, with its controls, legend and table. `of` gives a run's series of a kind.
function plotted_section(problem, runs, {what, x_name, kinds, of}) {
  if (!kinds.length) return null;
  const choose = element("select", {"aria-label": `${what} of ${problem}`}, ...kinds.map((kind) => element("option", {}, kind)));
  const logarithmic = element("input", {type: "checkbox"}), x_logarithmic = element("input", {type: "checkbox"});
  const all = groups(runs), everyone = element("input", {type: "checkbox"}), place = element("div");
  const wanted = () => {
    const series = [...all].map(([name, members]) => [name, members.map((run) => of(run, choose.value)).filter(Boolean)])
      .filter(([, curves]) => curves.length).map(([name, curves]) => banded(name, curves));
    return everyone.checked ? series : series.slice(0, colours.length);
  };
  const show = () => {
    const series = wanted();
    place.replaceChildren(element("p", {class: "on-paper"}, choose.value),
      plot(series, {x_name, y_name: choose.value, logarithmic: logarithmic.checked, x_logarithmic: x_logarithmic.checked}), legend(series),
      values_table(series, x_name, `${choose.value} of ${problem} over ${x_name}s`));
  };
  // Values of very different size show on a logarithmic axis alone, as where a run diverges.
  const set_scale = () => {
    const ys = wanted().flatMap((one) => one.y).filter((y) => y !== null);
    logarithmic.checked = ys.length > 0 && smallest(ys) > 0 && largest(ys) / smallest(ys) > 100;
  };
  choose.addEventListener("change", () => { set_scale(); show(); });
  for (const control of [logarithmic, x_logarithmic, everyone]) control.addEventListener("change", show);
  set_scale();
  const section = element("section", {}, element("h3", {}, problem), element("p", {class: "controls"}, element("label", {}, `${what} `, choose),
    element("label", {}, logarithmic, " logarithmic values"), element("label", {}, x_logarithmic, ` logarithmic ${x_name}s`),
    ...(all.size > colours.length ? [element("label", {}, everyone, ` all ${all.size} settings, not the best ${colours.length} alone`)] : [])), place);
  show();
  return section;
}

function curves_section(problem, runs) {
  return plotted_section(problem, runs, {what: "curve", x_name: "epoch", kinds: names_of(runs.flatMap((run) => Object.keys(run.curves))),
    of: (run, kind) => run.curves[kind] && {x: run.curves[kind].map((_, i) => i), y: run.curves[kind]}});
}

function quantities_section(problem, runs) {
  return plotted_section(problem, runs, {what: "quantity", x_name: "step", kinds: names_of(runs.flatMap((run) => Object.keys(run.quantities))).sort(),
    of: (run, kind) => run.quantities[kind]});
}

// As DeepOBS's file has it: after a divergence the initial evaluation.
const last = (run, kind) => run.final[kind] ?? null;

const modes = {final: "the mean over seeds at the end", best: "the best epoch of the mean over seeds", most: "the number of seeds, then the end"};
const ranked = (problem, by) => settings_of(problem).sort((a, b) => a.rank[by] - b.rank[by]);

// The value that counts in a mode, over seeds.
const value_in = (setting, metric, by) => setting.metrics[metric]?.[by === "best" ? "best" : "final"] ?? null;

const sets = ["valid loss", "valid accuracy", "test loss", "test accuracy"];

function best_rows(by) {
  return problems.flatMap((problem) => ranked(problem, by).map((setting) => [problem, setting.rank[by], name_of(setting), setting.runs.length, setting.diverged,
    setting.ranked_by, value_in(setting, setting.ranked_by, by), ...(by === "best" ? [setting.metrics[setting.ranked_by]?.best_epoch ?? null] : []),
    ...sets.map((metric) => value_in(setting, metric, by))]));
}

// The best setting of each problem and runner.
function performance_rows(by) {
  return problems.flatMap((problem) => {
    const all = ranked(problem, by);
    return names_of(all.map((setting) => setting.runner)).map((runner) => {
      const best = all.find((setting) => setting.runner === runner), metric = best.performance_of;
      return [problem, runner, best.setting, best.runs.length, metric, value_in(best, metric, by), by === "best" ? null : best.metrics[metric]?.std ?? null,
        best.convergence, best.speed, best.convergence === null ? null : best.reached];
    });
  });
}

// Both tables follow one choice.
function analysis() {
  const choose = element("select", {"aria-label": "how settings are ranked"}, ...Object.keys(modes).map((mode) => element("option", {}, mode)));
  choose.value = data.best_by;
  const best = element("div"), performance = document.getElementById("performance");
  const show = () => {
    const by = choose.value;
    best.replaceChildren(with_filter(["problem", "rank", "setting", "seeds", "diverged", "ranked by", "value", ...(by === "best" ? ["in epoch"] : []), ...sets],
      best_rows(by), `settings ranked by ${modes[by]}`));
    performance.replaceChildren(table(["problem", "runner", "setting", "seeds", "measure", "performance", "std", "converged at", "speed in epochs", "seeds that converged"],
      performance_rows(by), `performance and speed of the settings that are best by ${modes[by]}`));
  };
  choose.addEventListener("change", show);
  show();
  return [element("p", {class: "controls"}, element("label", {}, "best by ", choose)), best];
}

// What `last` gives for runs with one value of a setting.
function at_value(runs, key, value, kind) {
  const members = runs.filter((run) => run.settings[key] === value);
  const values = members.map((run) => last(run, kind)).filter((x) => x !== null);
  return {value, members, values, mean: values.length ? values.reduce((a, b) => a + b, 0) / values.length : null};
}

// How the final result moves with each setting that varies: a table, and a plot where the values are numbers.
function sensitivity_section(problem, runs) {
  const keys = varying(runs);
  if (!keys.length) return null;
  const kind = settings_of(problem)[0].ranked_by;
  const rows = [], plots = [];
  for (const key of keys) {
    const all = names_of(runs.filter((run) => key in run.settings).map((run) => run.settings[key])).map((value) => at_value(runs, key, value, kind));
    rows.push(...all.map((one) => [key, one.value, one.members.length, one.members.filter((run) => run.state === "diverged").length, one.mean,
      one.values.length ? smallest(one.values) : null, one.values.length ? largest(one.values) : null]));
    const numbers = all.filter((one) => one.value !== "" && Number.isFinite(Number(one.value)) && one.values.length).sort((a, b) => a.value - b.value);
    if (numbers.length < 2 || numbers.length < all.length) continue;
    const x = numbers.map((one) => Number(one.value)), logarithmic = x[0] > 0 && x.at(-1) / x[0] >= 10;
    const series = [{name: `final ${kind}`, x, y: numbers.map((one) => one.mean), low: numbers.map((one) => smallest(one.values)), high: numbers.map((one) => largest(one.values))}];
    plots.push(element("p", {}, `by ${key}`), plot(series, {x_name: key, y_name: `final ${kind} of ${problem}`, x_logarithmic: logarithmic, points: true}));
  }
  const caption = `final ${kind} of ${problem} by the values of each setting that varies, over all other settings`;
  return element("section", {}, element("h3", {}, problem),
    ...plots, table(["setting", "value", "runs", "diverged", "mean " + kind, "lowest", "highest"], rows, caption));
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
  const all = groups(comparable), best = ranked(problem, data.best_by).map(name_of).find((name) => all.has(name)), members = all.get(best);
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
into("best", ...analysis());
into("sensitivity", ...problems.map((problem) => sensitivity_section(problem, of_problem(problem))));
into("costs", data.step_costs.length ? table(["problem", "batch", "type", "threads", "extensions due", "steps", "ms a step", "ms without", "times"],
  data.step_costs.map((one) => [one.problem, one.batch_size, one.dtype, one.threads, one.extensions || "none", one.steps, one.ms, one.plain_ms,
    one.plain_ms ? one.ms / one.plain_ms : null]), "time of training steps by the extensions due") : element("p", {}, "No run had two steps."));
const keys = varying(data.runs);
into("runs", with_filter(["run", "problem", "runner", "seed", ...keys, "state", "test loss", "test accuracy", "training s"],
  data.runs.map((run) => [run.id, run.problem, run.runner, run.seed, ...keys.map((key) => run.settings[key] ?? ""), run.state,
    last(run, "test loss"), last(run, "test accuracy"), run.seconds]), "every run"));
const failures = data.runs.filter((run) => run.reason);
into("failures", failures.length ? table(["run", "problem", "what happened"], failures.map((run) => [run.id, run.problem, run.reason]), "failed runs")
  : element("p", {}, "None."));
