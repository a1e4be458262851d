"""The report page of ``affectbio evaluate``: every sentence with a number in it is made from the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from affectbio.errors import DataError
from affectbio.evaluation.figures import plot_people
from affectbio.evaluation.report import Report
from affectbio.evaluation.score_figures import plot_calibration, plot_confusion, plot_learning_curve

if TYPE_CHECKING:
    import pandas as pd

    from affectbio.pipelines import Prepared, Recipe, RunResult

__all__ = ["evaluation_report"]


def evaluation_report(
    recipe: Recipe, prepared: Prepared, result: RunResult, curves: dict[str, pd.DataFrame] | None = None
) -> Report:
    """Put the report together.

    Parameters
    ----------
    recipe : Recipe
        What was run.
    prepared : Prepared
        From which windows.
    result : RunResult
        What it gave.
    curves : dict of str to pandas.DataFrame, optional
        Learning curves by variant.

    Returns
    -------
    Report
        To be written.
    """
    report = Report(recipe.title)
    summary = result.summary
    metric, level = summary["metric"].iloc[0], summary["level"].iloc[0]
    main = summary[(summary["metric"] == metric) & (summary["level"] == level)].reset_index(drop=True)
    report.heading("How well it works on a person never seen")
    report.text(*_findings(main))
    report.figure(
        plot_people(result.people, main),
        "Each point is one person; the bar is the mean over people with its 95 % interval. The grey band is what the "
        "same pipeline scores when the labels of trials are exchanged at random, the dashed line chance. Hollow points "
        "in another colour leak: their protocol trains on what it tests, and says so.",
        alt="; ".join(f"{row['variant']}: {_with_interval(row)}" for _, row in main.iterrows()),
    )
    report.table(_readable(summary), "All scores. “Knows” is what a pipeline is given of the person it is tested on.")
    report.heading("What it confuses, and how sure it is")
    for name in [str(n) for n in main.loc[main["leaks"] == "", "variant"]][:3]:
        said = result.predictions[result.predictions["variant"] == name]
        if metric not in ("ccc", "rmse", "pearson"):
            report.figure(
                plot_confusion(said),
                f"{name}: how each class was called, the mean over people.",
                alt=f"Confusion of {name}.",
            )
        try:
            figure = plot_calibration(said)
        except DataError:
            report.text(f"“{name}” gives no probabilities, so that there is no calibration to show.")
            continue
        report.figure(
            figure,
            f"{name}: how often the model was right against how sure it was, windows of all people. Below the dashed "
            f"line it is too sure. Points are larger where more windows are.",
            alt=f"Calibration of {name}.",
        )
    if curves:
        report.heading("Would more people help?")
        report.figure(
            plot_learning_curve(curves, float(main["chance"].iloc[0])),
            "The score over the number of people learnt from, drawn at random three times; bars are one standard error "
            "over people.",
            alt="; ".join(_curve_words(name, curve) for name, curve in curves.items()),
        )
    _audits(report, result)
    _data(report, prepared)
    report.text("Sources: " + "; ".join(recipe.sources) + ".")
    return report


def _findings(main: pd.DataFrame) -> list[str]:
    honest, leaking = main[main["leaks"] == ""], main[main["leaks"] != ""]
    words = []
    if len(honest):
        row = honest.iloc[0]
        control = (
            f" With the labels of trials exchanged at random it scores {row['null_mean']:.3f} (p = {row['p']:.2g}, "
            f"{row['n_permutations']} times)."
            if row["n_permutations"]
            else " No labels were exchanged, so that chance is not known."
        )
        words.append(
            f"“{row['variant']}” reaches {_with_interval(row)} {str(row['metric']).replace('_', ' ')} over "
            f"{row['n_people']} people under {row['protocol']}.{control}"
        )
    if len(honest) and len(leaking):
        row = leaking.iloc[int(leaking["mean"].argmax())]
        words.append(
            f"“{row['variant']}” would have claimed {_with_interval(row)}: the same {row['leaks']} stand in its "
            f"training and test sets"
            + (f", and with exchanged labels it still claims {row['null_mean']:.3f}." if row["n_permutations"] else ".")
        )
    return words


def _with_interval(row: pd.Series) -> str:
    return f"{row['mean']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"


def _readable(summary: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    with_null = summary["n_permutations"] > 0
    return pd.DataFrame(
        {
            "variant": summary["variant"],
            "protocol": summary["protocol"] + summary["leaks"].map(lambda leaks: f" – LEAKS {leaks}" if leaks else ""),
            "knows": summary["target_access"],
            "metric": summary["metric"].str.replace("_", " ") + " by " + summary["level"],
            "score [95 % interval]": [_with_interval(row) for _, row in summary.iterrows()],
            "worst tenth": summary["worst_decile"].map("{:.3f}".format),
            "people": summary["n_people"],
            "not scored": summary["n_excluded"],
            "exchanged": summary["null_mean"].map("{:.3f}".format).where(with_null, "not run"),
            "p": summary["p"].map("{:.2g}".format).where(with_null, ""),
        }
    )


def _curve_words(name: str, curve: pd.DataFrame) -> str:
    means = curve.groupby("n_people")["value"].mean()
    return f"{name}: " + ", ".join(f"{value:.2f} from {n} people" for n, value in means.items())


def _audits(report: Report, result: RunResult) -> None:
    report.heading("What was checked")
    if not result.audits:
        report.text("No audit was asked for: nothing is known about leaks beyond what the protocol checks itself.")
    for name, audit in result.audits.items():
        table = audit.to_frame()
        declared = (table["status"] == "fail") & table["declared"]
        table["status"] = table["status"].mask(declared, "declared")
        n_runs = audit.about.get("runs", 0)
        report.table(
            table[["check", "status", "finding", "remedy"]],
            f"Audit of “{name}”, {n_runs} runs of its pipeline. “not checked” is not “pass”.",
        )


def _data(report: Report, prepared: Prepared) -> None:
    import pandas as pd

    report.heading("Whose data, and what was left out")
    counts = prepared.counts
    columns = {
        f"{label}: {what}": own.set_index("subject")[f"n_{what}"]
        for label, own in counts.groupby("label")
        for what in ("trials", "windows")
    }
    table = pd.DataFrame(columns).fillna(0).astype(int).rename_axis("subject").reset_index()
    report.table(table, "Trials and windows of each person and class.")
    if len(prepared.excluded):
        report.table(prepared.excluded, "Windows that are in no score, and why.")
    report.text(*prepared.notes)
