"""The table, the ratios and the JSON of a measurement."""

import os
import platform
import ssl
import statistics
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from benchmarks.measure import METRICS
from benchmarks.registry import BASELINE

Samples = Mapping[str, Mapping[str, list[float]]]

# What the reference is held to, as a multiple of the baseline's rate in the same run.
TARGETS = {
    ("sipc-chacha", "sessions"): 2.0,
    ("sipc-chacha", "rr1k"): 0.6,
    ("sipc-aesgcm", "sessions"): 2.0,
    ("sipc-aesgcm", "rr1k"): 0.6,
    ("sipc-aesgcm", "rr64k"): 1.4,
}


def medians(samples: Samples) -> dict[str, dict[str, float]]:
    """Median CPU seconds per operation, by stack and metric."""
    return {
        stack: {metric: statistics.median(values) for metric, values in metrics.items()}
        for stack, metrics in samples.items()
    }


def ratios(samples: Samples) -> dict[str, dict[str, float]]:
    """Operations per CPU second as a multiple of the baseline's; empty if the baseline was not measured."""
    middle = medians(samples)
    base = middle.get(BASELINE)
    if base is None:
        return {}
    return {
        stack: {name: base[name] / cost for name, cost in costs.items()} for stack, costs in middle.items()
    }


def missed(samples: Samples) -> list[str]:
    """One line for each target that a measured stack does not reach."""
    found = ratios(samples)
    return [
        f"{stack} {metric}: {found[stack][metric]:.2f} x {BASELINE}, target {target} x"
        for (stack, metric), target in TARGETS.items()
        if stack in found and found[stack][metric] < target
    ]


def table(samples: Samples) -> str:
    """The result for people: CPU microseconds per operation, and in brackets the rate relative to the baseline."""
    middle, relative = medians(samples), ratios(samples)
    header = f"{'':16}" + "".join(f"{metric.name:>19}" for metric in METRICS)
    lines = [header]
    for stack, costs in middle.items():
        cells = []
        for metric in METRICS:
            ratio = f"({relative[stack][metric.name]:.2f}x)" if relative else ""
            cells.append(f"{costs[metric.name] * 1e6:>10.1f} {ratio:>8}")
        lines.append(f"{stack:16}" + "".join(cells))
    lines += ["", f"CPU microseconds per operation, client and server; (rate relative to {BASELINE})"]
    lines += [f"  {metric.name}: {metric.title}" for metric in METRICS]
    return "\n".join(lines)


def document(samples: Samples) -> dict[str, object]:
    """The result for programs, with what is needed to compare it with another one."""
    return {
        "unit": "CPU seconds per operation, client and server",
        "baseline": BASELINE,
        "median": medians(samples),
        "ratio": ratios(samples),
        "missed_targets": missed(samples),
        "samples": {stack: dict(metrics) for stack, metrics in samples.items()},
        "environment": {
            "python": platform.python_version(),
            "platform": platform.platform(),
            "cpus": os.cpu_count(),
            "openssl": ssl.OPENSSL_VERSION,
            "packages": {
                name: installed(name) for name in ("ipc-gauntlet", "cryptography", "msgspec", "pyzmq")
            },
        },
    }


def installed(name: str) -> str | None:
    """The version of an installed distribution."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None
