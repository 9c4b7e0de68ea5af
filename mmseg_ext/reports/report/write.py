"""What ``tools/report.py`` does: fill a template with what data, configs and results say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from mmseg_ext.eda.audit.run import audit
from mmseg_ext.eda.plots import save_figure
from mmseg_ext.eda.statistics import balance_figure, collect_statistics, make_tables
from mmseg_ext.eda.statistics.label_tables import audit_table, findings_table
from mmseg_ext.errors import InputError
from mmseg_ext.evaluation.errors.tables import error_tables
from mmseg_ext.files import make_folder, read_json, write_text
from mmseg_ext.reports.errors.markdown import error_claims
from mmseg_ext.reports.report import tables
from mmseg_ext.reports.report.experiments import Experiment, best_experiment, read_experiments, read_yaml

FIGURES = 'figures'


@dataclass(frozen=True)
class ReportSources:
    """Where the parts of a report lie.

    Attributes:
        data: The data set.
        project: The YAML file that lists the experiments; its other keys are handed to the template.
        results: Folder of the results, a folder a config.
        root: What the configs' paths are relative to.
        labels: The label set that the first stage looks at.
        test_scores: JSON file with the blind scores of the test split: config name → ``{"mDice": …, "Dice": {…}}``,
            percent.
    """

    data: Path
    project: Path
    results: Path
    root: Path = Path('.')
    labels: str = 'labels'
    test_scores: Path | None = None


def write_report(template: str | Path, sources: ReportSources, out: str | Path) -> Path:
    """Fill a template and write the figures that it shows beside it.

    The template is Jinja2 in Markdown and knows ``project``, ``experiments``, ``best``, ``audit``, ``statistics``
    (name → table), ``findings(*checks)``, ``test_scores``, ``kept(name)`` (a JSON file beside the template, or None),
    ``error_tables`` and ``error_claims`` (of an ``errors.json``), and the functions of
    `mmseg_ext.reports.report.tables`. Filters: ``number`` and ``table``.

    Args:
        template: The template.
        sources: Where the parts lie.
        out: The document; figures go to ``figures/`` beside it. Both are replaced.

    Raises:
        InputError: A source cannot be read, or the template asks for what is not there.
    """
    template, out = Path(template), Path(out)
    project = read_yaml(sources.project)
    metric = project.get('metric', 'mDice')
    experiments = read_experiments(sources.project, sources.results, sources.root)
    checked = audit(sources.data, sources.labels)
    measured = collect_statistics(sources.data, sources.labels)
    context = {
        'project': project,
        'experiments': experiments,
        'best': best_experiment(experiments, metric),
        'audit': audit_table(checked),
        'findings': lambda *checks: findings_table(checked, checks),
        'statistics': make_tables(measured),
        'test_scores': read_test_scores(sources.test_scores, experiments),
        'kept': lambda name: _kept(template.parent / name),
        'error_tables': error_tables,
        'error_claims': error_claims,
        **{name: getattr(tables, name) for name in ('ladder_table', 'steps_table', 'changes_table', 'blind_table')},
    }
    text = _render(template, context)
    figures = make_folder(out.parent / FIGURES)
    save_figure(tables.ladder_figure(experiments, metric), figures / 'report_ladder.svg')
    save_figure(balance_figure(measured), figures / 'report_balance.svg')
    write_text(out, text)
    return out


def read_test_scores(path: str | Path | None, experiments: list[Experiment]) -> dict[str, dict[str, Any]]:
    """The blind scores of test; none without a file.

    Raises:
        InputError: The file is no JSON object of objects, names an experiment that is not listed, or holds a score
            that is no percentage.
    """
    if path is None:
        return {}
    content = _kept(Path(path))
    if not isinstance(content, dict) or not all(isinstance(scores, dict) for scores in content.values()):
        raise InputError(f'{path}: must be a JSON file of config name → scores, such as {{"NAME": {{"mDice": 90.1}}}}')
    known = {one.name for one in experiments}
    for name, scores in content.items():
        if name not in known:
            raise InputError(f'{path}: {name} is not among the experiments; known: {", ".join(sorted(known))}')
        for key, value in scores.items():
            for number in value.values() if isinstance(value, dict) else [value]:
                if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number <= 100:
                    raise InputError(f'{path}: {name}: {key} is {number!r}, expected a percentage')
    return content


def _kept(path: Path) -> Any:
    return read_json(path) if path.is_file() else None


def _render(path: Path, context: Mapping[str, Any]) -> str:
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )  # no HTML, hence no escaping
    environment.filters['number'] = lambda value, places=2: f'{value:.{places}f}'
    environment.filters['table'] = lambda table: table.markdown().rstrip() + '\n'
    try:
        return environment.from_string(path.read_text(encoding='utf-8')).render(context)
    except OSError as error:
        raise InputError(f'{path}: cannot be read ({error.strerror or error})') from error
    except jinja2.TemplateError as error:
        line = f', line {error.lineno}' if isinstance(error, jinja2.TemplateSyntaxError) else ''
        raise InputError(f'{path}{line}: {error}; correct the template, or make what it asks for') from error
