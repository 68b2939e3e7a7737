"""Runs the images under QEMU, prints what they cost, and holds it to the budgets.

`--update` writes the measured costs as the baseline, and its table into docs/MICROCONTROLLERS.md.
"""

import json
import pathlib
import subprocess
import sys

FOLDER = pathlib.Path(__file__).parent
BASELINE = FOLDER / "baseline.json"
PAGE = FOLDER.parent / "docs/MICROCONTROLLERS.md"
BEGIN, END = "<!-- costs -->\n", "<!-- end of costs -->\n"
STORED = 300 * 65  # bytes of the digits in flash, which are no part of a model
MULTIPLY_ADDS = 4 * (10 + 2) * 64  # of one prediction: components × (outputs + 2) × inputs
IMAGES = ["infer_f32", "infer_f16", "infer_i8", "train", "selftest"]
ARM = ["qemu-system-arm", "-icount", "shift=6", "-machine"]
TARGETS = {
    "thumbv7em-none-eabihf": ("Cortex-M4F", [*ARM, "mps2-an386"]),
    "thumbv6m-none-eabi": ("Cortex-M0", [*ARM, "microbit"]),
    "riscv32imac-unknown-none-elf": (
        "RISC-V",
        ["qemu-system-riscv32", "-icount", "shift=0", "-machine", "virt", "-bios", "none"],
    ),
}
SEMIHOSTING = [
    *("-nographic", "-monitor", "none", "-serial", "none"),
    *("-chardev", "stdio,id=host,signal=off"),
    *("-semihosting-config", "enable=on,target=native,chardev=host"),
]
TOLERANCE = 0.05

failures = []


def check(holds, what):
    if not holds:
        failures.append(what)


def sections(image):
    """Sizes of the sections of an image."""
    text = subprocess.run(["size", "-A", image], capture_output=True, text=True, check=True).stdout
    rows = (line.split() for line in text.splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) == 3 and row[0].startswith(".")}


def run(name, machine, image):
    """Runs an image and returns the numbers that it prints; its status must be 0."""
    command = [*machine, *SEMIHOSTING, "-kernel", image]
    try:
        done = subprocess.run(
            command,
            cwd=FOLDER / "images/data",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )
    except subprocess.TimeoutExpired:
        check(False, f"{name}: it did not end")
        return {}
    check(done.returncode == 0, f"{name}: status {done.returncode}\n{done.stdout}{done.stderr}")
    lines = (line.rsplit(" ", 1) for line in done.stdout.splitlines())
    numbers = {}
    for key, value in lines:
        numbers.setdefault(key, []).append(int(value))
    return numbers


def measure():
    """Every image on every target: what it costs, and what it printed."""
    costs, printed = {}, {}
    for target, (processor, machine) in TARGETS.items():
        for image in IMAGES:
            name = f"{processor} {image}"
            path = (FOLDER / "target" / target / "release" / image).resolve()
            size = sections(path)
            numbers = printed[name] = run(name, machine, path)
            model = size.get(".model", 0)
            costs[name] = {
                "code": size[".vectors"] + size[".text"] + size[".rodata"] + size.get(".data", 0),
                "model": model - STORED if image.startswith("infer") else model,
                "ram": size.get(".data", 0) + size[".bss"],
                "stack": numbers.get("stack", [0])[0],
            }
            if "instructions" in numbers:
                costs[name]["instructions"] = numbers["instructions"][0]
    return costs, printed


def same_results(printed):
    """All targets print the same results."""
    for image in IMAGES:
        results = [
            {key: value for key, value in printed[f"{processor} {image}"].items() if key not in ("stack", "instructions")}
            for processor, _ in TARGETS.values()
        ]
        check(all(result == results[0] for result in results), f"{image}: the targets differ: {results}")
        print(f"{image}: {results[0]}" if results[0] else f"{image}: passed")


def table(costs):
    """The table of docs/MICROCONTROLLERS.md."""
    lines = [
        "| processor | image | code | model | static RAM | stack | instructions | a multiply-add |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, cost in costs.items():
        processor, image = name.split()
        count = cost.get("instructions")
        each = f"{count / MULTIPLY_ADDS:.2f}" if count and image.startswith("infer") else ""
        cells = [cost["code"], cost["model"], cost["ram"], cost["stack"], count]
        cells = ["" if cell is None else f"{cell:,}" for cell in cells]
        lines.append("| " + " | ".join([processor, image, *cells, each]) + " |")
    return "\n".join(lines) + "\n"


def update(costs):
    """Writes the baseline and its table."""
    BASELINE.write_text(json.dumps(costs, indent=2) + "\n")
    before, rest = PAGE.read_text().split(BEGIN)
    _, after = rest.split(END)
    PAGE.write_text(before + BEGIN + table(costs) + END + after)


def hold(costs):
    """The budgets that were set, and the baseline."""
    infer, train = costs["Cortex-M4F infer_f32"], costs["Cortex-M4F train"]
    check(infer["code"] <= 6 * 1024, "Cortex-M4F infer_f32: more than 6 KiB of code")
    check(train["code"] <= 14 * 1024, "Cortex-M4F train: more than 14 KiB of code")
    for image in IMAGES[:4]:
        check(costs[f"Cortex-M4F {image}"]["stack"] <= 1024, f"Cortex-M4F {image}: more than 1 KiB of stack")
    each = infer.get("instructions", 0) / MULTIPLY_ADDS
    check(0 < each <= 4.5, f"Cortex-M4F infer_f32: {each:.2f} instructions a multiply-add")
    small, large = costs["Cortex-M0 infer_i8"], costs["Cortex-M0 infer_f32"]
    for what in ("code", "model", "instructions"):
        check(0 < small.get(what, 0) <= large.get(what, 0), f"Cortex-M0: i8 does not have less {what} than f32")
    for name, cost in costs.items():
        check(cost["model"] <= 32 * 1024, f"{name}: the model has more than 32 KiB")

    baseline = json.loads(BASELINE.read_text())
    shown = BEGIN + table(baseline) + END in PAGE.read_text()
    check(shown, f"{PAGE.name} does not show the table of {BASELINE.name}")
    check(baseline.keys() == costs.keys(), "the baseline has other images")
    for name, cost in costs.items():
        for what, value in cost.items():
            before = baseline.get(name, {}).get(what)
            within = before is not None and abs(value - before) <= TOLERANCE * before
            check(within, f"{name}: {what} is {value}, and {before} in baseline.json")


def main():
    costs, printed = measure()
    same_results(printed)
    print("\n" + table(costs))
    if sys.argv[1:] == ["--update"]:
        update(costs)
    hold(costs)
    for failure in failures:
        print(f"FAILED {failure}", file=sys.stderr)
    if failures:
        sys.exit(1)
    print("all images gave the bits of the host, and every budget held")


main()
