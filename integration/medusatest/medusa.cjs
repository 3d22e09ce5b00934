// The module asks for all of "@medusajs/framework", of which it needs @medusajs/utils alone.
const Module = require("node:module");
const path = require("node:path");
const own = Module.createRequire(path.join(process.cwd(), "index.js"));
const resolve = Module._resolveFilename;
Module._resolveFilename = function (name, ...rest) {
  return resolve.call(this, name === "@medusajs/framework/utils" ? own.resolve("@medusajs/utils") : name, ...rest);
};
const from = (file) => own(path.join(process.cwd(), "node_modules/@medusajs/promotion/dist/utils", file));
const { getComputedActionsForItems } = from("compute-actions/line-items.js");
const { getComputedActionsForShippingMethods } = from("compute-actions/shipping-methods.js");
const { getComputedActionsForBuyGet } = from("compute-actions/buy-get.js");
const { areRulesValidForContext } = from("validations/promotion-rule.js");
const { MathBN } = own("@medusajs/utils");

const attributes = {
  "cart.subtotal": "subtotal", "cart.units": "units", "customer.segments": "segments",
  "line.product": "product", "line.categories": "categories", "shipping.method": "method",
};
const operators = { "=": "eq", in: "in", any: "in", ">=": "gte", ">": "gt", "<": "lt", "<=": "lte" };

// rules translates a condition: one leaf, or all of several.
function rules(condition) {
  if (!condition) return [];
  return (condition.all ?? [condition]).map((leaf) => ({
    attribute: attributes[leaf.field], operator: operators[leaf.op],
    values: [leaf.value].flat().map((v) => ({ value: String(v) })),
  }));
}

// promotion translates one of ours to one of theirs.
function promotion(p, campaigns) {
  const e = p.effect;
  const method = { target_type: p.target === "shipping" ? "shipping_methods" : "items", target_rules: rules(p.where) };
  let type = "standard";
  if (e.kind === "bxgy") {
    type = "buyget";
    Object.assign(method, {
      type: "percentage", allocation: "each", value: Number(e.value.percent), max_quantity: e.max ? e.max * e.get.qty : 1_000_000,
      buy_rules: rules(e.buy.where), buy_rules_min_quantity: e.buy.qty, apply_to_quantity: e.get.qty, target_rules: rules(e.get.where),
    });
  } else {
    method.type = e.kind === "percent" ? "percentage" : "fixed";
    method.allocation = e.per === "order" ? "across" : "each";
    method.value = Number(e.value);
    // Absent, it is one unit of each line.
    if (e.kind === "percent" || e.per === "unit") method.max_quantity = 1_000_000_000;
  }
  const limits = p.limits ?? {};
  const budget = limits.budget ?? campaigns[limits.campaign]?.budget;
  return {
    code: p.id, codes: p.codes, type, is_tax_inclusive: false, rules: rules(p.when), application_method: method, currency: p.currency,
    campaign: budget ? { budget: { type: "spend", limit: Number(budget), used: 0 } } : undefined,
  };
}

// context translates a cart.
function context(c) {
  const items = c.lines.map((l) => ({
    id: l.id, product: l.product, categories: l.categories ?? [], quantity: l.qty ?? 1,
    subtotal: Math.round(Number(l.price) * 100 * (l.qty ?? 1)) / 100, is_discountable: true,
  }));
  for (const i of items) i.original_total = i.subtotal;
  return {
    items, segments: c.customer?.segments ?? [], codes: (c.codes ?? []).map((code) => code.toUpperCase()), currency: c.currency,
    shipping_methods: (c.shipping ?? []).map((s) => ({ id: s.id, method: s.method, subtotal: Number(s.price), original_total: Number(s.price) })),
    subtotal: items.reduce((sum, i) => sum + i.subtotal, 0), units: items.reduce((sum, i) => sum + i.quantity, 0),
  };
}

// evaluate does what the service does between its reads and writes.
function evaluate(promotions, cart) {
  const applied = new Map(), buys = new Map(), targets = new Map(), actions = [];
  for (const p of promotions) {
    if (p.codes && !p.codes.some((code) => cart.codes.includes(code))) continue;
    if (p.currency && p.currency !== cart.currency || !areRulesValidForContext(p.rules, cart, "order")) continue;
    if (p.type === "buyget") {
      actions.push(...getComputedActionsForBuyGet(p, cart.items, applied, buys, targets));
    } else if (p.application_method.target_type === "shipping_methods") {
      actions.push(...getComputedActionsForShippingMethods(p, cart.shipping_methods, applied));
    } else {
      actions.push(...getComputedActionsForItems(p, cart.items, applied));
    }
  }
  return actions;
}

function sums(actions) {
  const lines = {}, shipping = {};
  for (const a of actions) {
    const [to, id] = a.item_id ? [lines, a.item_id] : [shipping, a.shipping_method_id];
    if (id) to[id] = MathBN.add(to[id] ?? 0, a.amount);
  }
  const text = (of) => Object.fromEntries(Object.entries(of).map(([id, n]) => [id, MathBN.convert(n).toFixed()]));
  return { lines: text(lines), shipping: text(shipping) };
}

const job = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
const campaigns = Object.fromEntries((job.set.campaigns ?? []).map((c) => [c.id, c]));
const promotions = job.set.promotions.map((p) => promotion(p, campaigns));
const carts = job.carts.map(context);
const answer = { carts: carts.map((c) => sums(evaluate(promotions, c))), ns: 0 };
if (job.repeat > 0) {
  const rounds = (n) => { for (let i = 0; i < n; i++) for (const c of carts) evaluate(promotions, c); };
  rounds(Math.ceil(job.repeat / 2)); // until the compiler has seen it
  const start = process.hrtime.bigint();
  rounds(job.repeat);
  answer.ns = Number(process.hrtime.bigint() - start) / (job.repeat * carts.length);
}
process.stdout.write(JSON.stringify(answer));
