"""The plots of docs/performance.md: SVG that is legible on light and on dark pages."""

import importlib.util
import re
import statistics

import core
import store
import workloads

# Drawn in this colour, it becomes the page's: black on light, white on dark.
INK = "#123456"
STYLE = """<style>svg{--ink:#24292f}@media(prefers-color-scheme:dark){svg{--ink:#e6edf3}}</style>"""
# Seen on both; Freetser's own is the first.
OURS, LIMIT = "#d9480f", "#7c8794"
COLOURS = {
    "freetser": OURS, "freetser-log": "#f59f00", "limit-thread": LIMIT, "limit-epoll": "#a6adb5",
    "limit-llhttp": "#5c6670", "limit-llhttp-log": "#8a6d3b", "nio": "#1c7ed6",
    "hummingbird": "#7950f2", "flyingfox": "#e64980", "go": "#0ca5b8", "microhttpd": "#74b816", "nginx": "#2b8a3e",
    "h11": "#b08968"}


def can_be_drawn():
    return importlib.util.find_spec("matplotlib") is not None


def pyplot():
    import matplotlib
    matplotlib.use("svg")
    matplotlib.rcParams.update({
        "svg.fonttype": "none", "svg.hashsalt": "freetser", "font.family": "sans-serif", "font.size": 10,
        "font.sans-serif": ["system-ui", "Helvetica", "Arial", "sans-serif"], "savefig.transparent": True,
        "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False, "axes.titlesize": 11,
        **{key: INK for key in ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")}})
    import logging
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    from matplotlib import pyplot
    return pyplot


def save(figure, place):
    figure.tight_layout()
    figure.savefig(place, metadata={"Date": None, "Creator": None})
    text = place.read_text().replace(INK, "var(--ink)")
    place.write_text(re.sub(r"(<svg [^>]*>)", rf"\1\n {STYLE}", text, count=1))


def median(measured, key):
    found = [each[key] for each in measured if "failed" not in each]
    return statistics.median(found) if found else None


def by_connections(plt, results, place):
    """Requests a second and processor time a request, against connections."""
    columns = [w for w in workloads.FAMILIES["hello"][1] if not w.is_pinned and any(each == w for each, _ in results)]
    if len(columns) < 2:
        return False
    figure, axes = plt.subplots(1, 2, figsize=(10.5, 4.4))
    names = list(dict.fromkeys(name for workload, name in results if workload in columns))
    for axis, key, label in zip(axes, ("rate", "cpu"), ("requests a second", "µs of processor time a request")):
        for name in names:
            points = [(w.connections, median(results.get((w, name), []), key)) for w in columns]
            points = [point for point in points if point[1]]
            axis.plot(*zip(*points), marker="o", markersize=3.5, label=name, color=COLOURS[name],
                      linewidth=2.4 if name == "freetser" else 1.3, zorder=3 if name == "freetser" else 2)
        axis.set_xscale("log")
        axis.set_xticks([w.connections for w in columns], [w.label for w in columns])
        axis.minorticks_off()
        axis.set_xlabel("connections")
        axis.set_title(label)
        axis.grid(alpha=0.25)
    axes[0].set_ylim(bottom=0)
    axes[1].set_yscale("log")
    axes[1].set_yticks([5, 10, 20, 50, 100, 200, 500, 1000], ["5", "10", "20", "50", "100", "200", "500", "1000"])
    axes[1].minorticks_off()
    axes[1].legend(loc="center left", bbox_to_anchor=(1, 0.5))
    save(figure, place)
    return True


def bars(axis, figures, title, colours=None, format="{:,.0f}"):
    """Horizontal bars, the first at the top, each with its number."""
    names = list(figures)
    if not names:
        return
    axis.barh(range(len(names)), figures.values(), color=[(colours or COLOURS).get(name, LIMIT) for name in names], height=0.7)
    most = max(figures.values())
    for place, value in enumerate(figures.values()):
        axis.text(value + most * 0.015, place, format.format(value), va="center", fontsize=9)
    axis.set_yticks(range(len(names)), names)
    axis.set_xlim(0, most * 1.2)
    axis.set_xticks([])
    axis.spines["bottom"].set_visible(False)
    axis.tick_params(left=False)
    axis.invert_yaxis()
    axis.set_title(title, loc="left")


def of_workloads(plt, results, place):
    """Requests a second in each of the other workloads."""
    columns = [w for family in ("shapes", "bodies") for w in workloads.FAMILIES[family][1] if any(each == w for each, _ in results)]
    if not columns:
        return False
    figure, axes = plt.subplots((len(columns) + 2) // 3, 3, figsize=(11, 2.9 * ((len(columns) + 2) // 3)), squeeze=False)
    for axis in axes.flat[len(columns):]:
        axis.axis("off")
    for axis, column in zip(axes.flat, columns):
        figures = {name: median(measured, "rate") for (workload, name), measured in results.items() if workload == column}
        bars(axis, {name: value for name, value in figures.items() if value}, column.label.replace("`", ""))
    figure.suptitle("requests a second")
    save(figure, place)
    return True


def of_memory(plt, results, place):
    found = {name: median(measured, "idle") for (workload, name), measured in results.items() if workload.idle}
    found = {name: value for name, value in found.items() if value}
    if not found:
        return False
    figure, axis = plt.subplots(figsize=(6, 0.34 * len(found) + 0.8))
    bars(axis, found, "KiB an idle connection takes, of 10,000 (without the kernel's 16 a thread)", format="{:,.1f}")
    save(figure, place)
    return True


def of_seed(plt, results, place):
    points = [(w.connections, median(results[w, "freetser"], "rate")) for w in workloads.SEED if (w, "freetser") in results]
    points = [point for point in points if point[1]]
    if not points:
        return False
    figure, axis = plt.subplots(figsize=(6.5, 3.6))
    axis.plot(*zip(*points), marker="o", color=OURS, linewidth=2.4, label="Freetser, 2 cores, shared with the load")
    axis.plot(*zip(*workloads.SEED_RATES.items()), marker="o", color=LIMIT, label="its predecessor in Python, 22 cores")
    axis.set_ylim(bottom=0)
    axis.set_xlabel("clients")
    axis.set_title("get-or-create in the store: requests a second")
    axis.grid(alpha=0.25)
    axis.legend(loc="center right")
    save(figure, place)
    return True


def of_growth(plt, results, place):
    """How a read over HTTP grows with the rows of a store and the size of its values."""
    series = [("rows in the store", workloads.ROWS, "rows"), ("bytes of each value", workloads.VALUES, "bytes")]
    if not all((own[0], "freetser") in results for _, own, _ in series):
        return False
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.8))
    for axis, (label, own, attribute) in zip(axes, series):
        measured = [(getattr(w, attribute), results[w, "freetser"]) for w in own if (w, "freetser") in results]
        axis.plot([x for x, _ in measured], [median(m, "rate") for _, m in measured], marker="o", color=OURS)
        axis.set_ylabel("requests a second", color=OURS)
        axis.set_ylim(0, axis.get_ylim()[1] * 1.1)
        axis.set_xscale("log")
        axis.set_xlabel(label)
        axis.grid(alpha=0.25)
        other = axis.twinx()
        other.plot([x for x, _ in measured], [median(m, "cpu") for _, m in measured], marker="o", color="#1c7ed6")
        other.set_ylabel("µs of processor time a request", color="#1c7ed6")
        other.set_ylim(0, other.get_ylim()[1] * 1.1)
    save(figure, place)
    return True


def of_store(plt, times, place):
    if not times:
        return False
    rows = list(dict.fromkeys(row for row, _ in times))
    figure, axes = plt.subplots((len(rows) + 2) // 3, 3, figsize=(11, 1.8 * ((len(rows) + 2) // 3)), squeeze=False)
    for axis in axes.flat[len(rows):]:
        axis.axis("off")
    colours = {store.TITLES["ours"]: OURS, store.TITLES["grdb"]: "#7950f2", store.TITLES["lmdb"]: "#0ca5b8"}
    for axis, row in zip(axes.flat, rows):
        figures = {store.TITLES[name]: statistics.median(each) / 1000 for (its, name), each in times.items() if its == row}
        bars(axis, figures, store.ROWS[row][0].replace("`", ""), colours, "{:,.2f} µs")
    save(figure, place)
    return True


def of_core(plt, times, place):
    if not times:
        return False
    titles = [title for title in dict.fromkeys(title for title, _ in times)]
    figure, axes = plt.subplots(1, 3, figsize=(11, 2.3))
    colours = {core.OURS: OURS, core.AGAIN: OURS, core.WHOLE: OURS, core.NIO: "#1c7ed6", core.H11: "#b08968"}
    for axis, title in zip(axes.flat, titles[:2] + [core.WRITE]):
        # h11 takes a hundred times as long: beside it nothing else could be seen. The table has it.
        figures = {name: statistics.median(each) for (its, name), each in times.items() if its == title and name != core.H11}
        bars(axis, figures, title, colours, "{:,.0f} ns")
    save(figure, place)
    return True


def draw(found, folder):
    """Draws what there are figures for; gives the names of the files, without what ends them."""
    plt = pyplot()
    folder.mkdir(exist_ok=True)
    servers = found.get("servers", {})
    figures = {
        "connections": lambda place: by_connections(plt, servers, place),
        "workloads": lambda place: of_workloads(plt, servers, place),
        "memory": lambda place: of_memory(plt, servers, place),
        "predecessor": lambda place: of_seed(plt, servers, place),
        "growth": lambda place: of_growth(plt, servers, place),
        "store": lambda place: of_store(plt, found.get("store", ({}, {}))[0], place),
        "heads": lambda place: of_core(plt, found.get("core", {}), place),
    }
    drawn = {name for name, figure in figures.items() if figure(folder / f"{name}.svg")}
    plt.close("all")
    return drawn
