#!/usr/bin/env python
"""Report of the reference task: its template filled with what data, configs and results say.

The experiments are listed in a YAML file, in the order in which they are reported::

    metric: mDice
    experiments:
      - config: configs/pets/NAME.py
        against: configs/pets/OTHER.py          # the experiment that it changes
        reference: {val: 81.88, test: 80.1}     # figures stated elsewhere, percent
        epochs: 10                              # where it was run for fewer than its config says
        note: One sentence on how it was run.

A result is a folder ``<results>/<config name>`` with ``metrics_val.json`` (``metrics.json`` of ``mmseg-ext test``) and
``records_val.parquet``, and ``<results>/<config name>.zip`` with the predicted test masks at its root.
"""

from __future__ import annotations

import ast
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import numpy as np
import yaml

from mmseg_ext.commands.cli import ArgumentParser, run
from mmseg_ext.eda.audit import audit_label_set
from mmseg_ext.eda.label_tables import audit_table, findings_table
from mmseg_ext.eda.plots import CYCLE, INK, new_figure, save_figure
from mmseg_ext.eda.statistics import balance_figure, collect_statistics, make_tables
from mmseg_ext.eda.table import Cell, Table
from mmseg_ext.errors import InputError, one_line
from mmseg_ext.evaluation.bootstrap import paired_test
from mmseg_ext.evaluation.errors.tables import error_tables
from mmseg_ext.evaluation.records import Records, read_records
from mmseg_ext.files import make_folder, write_text
from mmseg_ext.reading import read_json
from mmseg_ext.reports.errors.markdown import error_claims

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EXAMPLE = 'python practicum_work/write_report.py data/pets --test-scores scores.json'
REPORTS = Path(__file__).parent / 'reports'
RESULTS = Path(__file__).parent / 'predictions'
FIGURES = 'figures'


METRICS, RECORDS = 'metrics_val.json', 'records_val.parquet'
KEYS = frozenset({'config', 'against', 'reference', 'epochs', 'note'})
HYPOTHESIS = re.compile(r'^Hypothesis:\s*(.+?)(?:\n\s*\n|\nReference figure|\nRun:|\Z)', re.S | re.M)


@dataclass(frozen=True)
class Difference:
    """One experiment minus another on the same images, in points of percent.

    Attributes:
        value: The difference.
        low: Lower end of its 95 % paired bootstrap interval over images.
        high: Upper end.
    """

    value: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """``better``, ``worse``, or ``open`` where the interval holds zero."""
        return 'better' if self.low > 0 else 'worse' if self.high < 0 else 'open'


@dataclass(frozen=True)
class Experiment:
    """One experiment.

    Attributes:
        name: Of its config.
        config: Path of its config.
        hypothesis: As its config states it.
        against: Name of the experiment that it changes.
        reference: What somebody else states for it, percent; keys ``val`` and ``test``.
        epochs: After how many it ended, where that is fewer than its config says.
        note: How it was run.
        metrics: ``metrics_val.json``; empty where it was not run.
        records: The counts of each val image, where they are kept.
        test_masks: How many predicted test masks are kept.
        hyperparameters: Those of its config.
        changes: Hyperparameter → (in ``against``, here).
        difference: Against ``against``, where both have records of the same images.
    """

    name: str
    config: str
    hypothesis: str
    against: str | None = None
    reference: Mapping[str, float] = field(default_factory=dict)
    epochs: int | None = None
    note: str = ''
    metrics: Mapping[str, Any] = field(default_factory=dict)
    records: Records | None = None
    test_masks: int = 0
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    changes: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    difference: Difference | None = None

    @property
    def was_run(self) -> bool:
        """Whether there is a result."""
        return bool(self.metrics)

    @property
    def was_shortened(self) -> bool:
        """Whether it was run for fewer epochs than its config says."""
        return self.epochs is not None

    @property
    def length(self) -> str | None:
        """Length of its training, such as ``1200 iterations`` or ``10 of 100 epochs``; None where it has none."""
        for unit in ('epochs', 'iterations'):
            whole = self.hyperparameters.get(unit)
            if isinstance(whole, int):
                return f'{self.epochs} of {whole} {unit}' if self.was_shortened else f'{whole} {unit}'
        return None

    def score(self, name: str = 'mDice') -> dict[str, float]:
        """``value``, ``low`` and ``high`` of a score, percent.

        Raises:
            InputError: The result has no such score.
        """
        try:
            return dict(self.metrics['scores'][name])
        except (KeyError, TypeError) as error:
            raise InputError(f'{self.name}/{METRICS}', f'holds no score {name}', 'test again') from error


def read_experiments(path: str | Path, results: str | Path, root: str | Path = '.') -> list[Experiment]:
    """Read the list and everything that is known of its experiments.

    Args:
        path: The YAML file.
        results: Folder of the results.
        root: What the configs' paths are relative to.

    Raises:
        InputError: The list, a config or a result cannot be read, or an experiment names one that is not listed.
    """
    path, results, root = Path(path), Path(results), Path(root)
    content = read_yaml(path)
    rows = content.get('experiments')
    if not isinstance(rows, list) or not rows:
        raise InputError(path, 'lists no experiments')
    metric = content.get('metric', 'mDice')
    found: dict[str, Experiment] = {}
    for row in rows:
        experiment = _read_one(path, row, results, root)
        if experiment.name in found:
            raise InputError(path, f'{row["config"]} is listed twice')
        if experiment.against is not None:
            if experiment.against not in found:
                raise InputError(path, f'{row["config"]} stands against {row["against"]}, which is not listed above it')
            experiment = _compare(experiment, found[experiment.against], metric)
        found[experiment.name] = experiment
    return list(found.values())


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file that holds a mapping.

    Raises:
        InputError: It does not, or cannot be read.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise InputError(path, f'cannot be read ({error.strerror or error})') from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(path, f'is no YAML ({one_line(error)})') from error
    if not isinstance(content, dict):
        raise InputError(path, 'must hold a mapping with `experiments:`')
    return content


def _read_one(path: Path, row: Any, results: Path, root: Path) -> Experiment:
    if not isinstance(row, dict) or not isinstance(row.get('config'), str):
        raise InputError(path, f'every experiment needs a config, got {row!r}')
    unknown = sorted(set(row) - KEYS)
    if unknown:
        raise InputError(
            path, f'{row["config"]} has an unknown key {unknown[0]}', f'known are {", ".join(sorted(KEYS))}'
        )
    epochs = row.get('epochs')
    if epochs is not None and (isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1):
        raise InputError(path, f'{row["config"]}: `epochs` must be a positive whole number, got {epochs!r}')
    name = Path(row['config']).stem
    folder = results / name
    return Experiment(
        name=name,
        config=row['config'],
        hypothesis=read_hypothesis(root / row['config']),
        against=Path(row['against']).stem if row.get('against') else None,
        reference=dict(row.get('reference') or {}),
        epochs=epochs,
        note=' '.join(str(row.get('note') or '').split()),
        metrics=read_json(folder / METRICS) if (folder / METRICS).is_file() else {},
        records=read_records(folder / RECORDS) if (folder / RECORDS).is_file() else None,
        test_masks=count_masks(results / f'{name}.zip'),
        hyperparameters=_hyperparameters(root / row['config']),
    )


def count_masks(path: Path) -> int:
    """Count the masks in a zip file of predictions; 0 without one.

    Raises:
        InputError: It is no zip file.
    """
    if not path.is_file():
        return 0
    try:
        with zipfile.ZipFile(path) as archive:
            return sum(name.endswith('.png') for name in archive.namelist())
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(path, f'cannot be read as a zip file ({error})') from error


def read_hypothesis(config: str | Path) -> str:
    """The paragraph after "Hypothesis:" in the docstring of a config, in one line.

    Raises:
        InputError: There is no such file or paragraph.
    """
    try:
        text = ast.get_docstring(ast.parse(Path(config).read_text(encoding='utf-8'))) or ''
    except OSError as error:
        raise InputError(config, f'cannot be read ({error.strerror or error})') from error
    except SyntaxError as error:
        raise InputError(config, f'cannot be read ({error.msg}, line {error.lineno})') from error
    match = HYPOTHESIS.search(text)
    if match is None:
        raise InputError(config, 'its docstring states no "Hypothesis:"')
    words = ' '.join(match[1].split())
    return words[:1].upper() + words[1:]


def _compare(experiment: Experiment, other: Experiment, metric: str) -> Experiment:
    before, after = other.hyperparameters, experiment.hyperparameters
    changes = {
        key: (before.get(key, 'none'), after.get(key, 'none'))
        for key in sorted(before.keys() | after.keys())
        if before.get(key, 'none') != after.get(key, 'none')
    }
    return replace(experiment, changes=changes, difference=difference(experiment, other, metric))


def _hyperparameters(config: Path) -> dict[str, Any]:
    from mmengine.config import Config
    from mmengine.logging import MMLogger

    from mmseg_ext.runs.hyperparameters import hyperparameters

    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel('WARNING')  # it announces every environment variable that a config reads
    try:
        return dict(hyperparameters(Config.fromfile(config)))
    finally:
        logger.setLevel(level)


def difference(experiment: Experiment, other: Experiment, metric: str = 'mDice') -> Difference | None:
    """How much better one experiment is than another on the images of val; None where a result is missing.

    Raises:
        InputError: The records are not of the same images.
    """
    if experiment.records is None or other.records is None:
        return None
    mine, theirs = _by_stem(experiment.records), _by_stem(other.records)
    if mine.keys() != theirs.keys() or experiment.records.classes != other.records.classes:
        raise InputError(f'{experiment.name} and {other.name}', f'{RECORDS} are not of the same images and classes')
    counts = [np.stack([table[stem] for stem in sorted(mine)]) for table in (theirs, mine)]
    test = paired_test(counts[0], counts[1], score=metric, resamples=2000)
    return Difference(100 * test.difference, 100 * test.low, 100 * test.high)


def _by_stem(records: Records) -> dict[str, Any]:
    return dict(zip(records.stems, records.confusion, strict=True))


def best_experiment(experiments: Sequence[Experiment], metric: str = 'mDice') -> Experiment | None:
    """The experiment with the highest score on val; None where none was run."""
    run = [experiment for experiment in experiments if experiment.was_run]
    return max(run, key=lambda experiment: experiment.score(metric)['value'], default=None)


def ladder_table(experiments: Sequence[Experiment], metric: str = 'mDice') -> Table:
    """Each experiment's val score with its interval and class scores, beside what somebody else states."""
    kind = metric.removeprefix('m')
    rows: list[Sequence[Cell]] = []
    for experiment in experiments:
        stated = experiment.reference.get('val')
        if not experiment.was_run:
            rows.append([experiment.name, experiment.length, stated, None, None, None, None])
            continue
        score = experiment.score(metric)
        classes = ' / '.join(
            f'{scores[kind]["value"]:.2f}' for scores in experiment.metrics['scores']['classes'].values()
        )
        interval = f'{score["low"]:.2f}–{score["high"]:.2f}'
        rows.append(
            [
                experiment.name,
                experiment.length,
                stated,
                score['value'],
                interval,
                classes,
                'yes' if experiment.metrics.get('tta') else 'no',
            ]
        )
    columns: dict[str, int | None] = {'experiment': None, 'length': None}
    columns |= {f'reference val {metric}': 2, f'val {metric}': 2}
    columns |= {'95 % interval': None, f'{kind} of the classes': None, 'TTA': None}
    return Table(f'Val {metric} of every experiment, percent', columns, rows)


def names_by_note(experiments: Sequence[Experiment]) -> dict[str, list[str]]:
    """Names of the experiments that were run alike: note → names, in their order."""
    names: dict[str, list[str]] = {}
    for experiment in experiments:
        names.setdefault(experiment.note, []).append(experiment.name)
    return names


def changes_table(experiment: Experiment) -> Table:
    """Tabulate what an experiment changed."""
    rows = [[key, str(before), str(after)] for key, (before, after) in experiment.changes.items()]
    return Table(
        f'What changed against {experiment.against}', dict.fromkeys(('hyperparameter', 'before', 'here')), rows
    )


def steps_table(experiments: Sequence[Experiment], metric: str = 'mDice') -> Table:
    """Each experiment against the one that it changes; without a verdict where only one of them was shortened."""
    known = {experiment.name: experiment for experiment in experiments}
    rows: list[Sequence[Cell]] = []
    for experiment in experiments:
        step = experiment.difference
        if step is not None and experiment.against is not None:
            other = known[experiment.against]
            verdict = {'better': 'yes, better', 'worse': 'yes, worse', 'open': 'no'}[step.verdict]
            if experiment.was_shortened != other.was_shortened:
                verdict = 'no verdict: one was shortened'
            interval = f'{step.low:.2f} to {step.high:.2f}'
            rows.append([experiment.name, experiment.length, other.name, other.length, step.value, interval, verdict])
    columns: dict[str, int | None] = {'experiment': None, 'length': None, 'against': None, 'its length': None}
    columns |= {f'difference in {metric}': 2, '95 % interval': None, 'excludes zero': None}
    return Table(f'Differences in val {metric}, paired bootstrap over images', columns, rows)


def blind_table(
    experiments: Sequence[Experiment], scores: Mapping[str, Mapping[str, Any]], metric: str = 'mDice'
) -> Table:
    """Predictions of the test split, with their blind scores."""
    kind = metric.removeprefix('m')
    rows: list[Sequence[Cell]] = []
    for experiment in experiments:
        if experiment.test_masks or experiment.reference.get('test'):
            known = scores.get(experiment.name, {})
            classes = ' / '.join(f'{value:.2f}' for value in known.get(kind, {}).values()) or None
            value = experiment.score(metric)['value'] if experiment.was_run else None
            rows.append(
                [
                    experiment.name,
                    experiment.reference.get('test'),
                    value,
                    experiment.test_masks,
                    known.get(metric),
                    classes,
                ]
            )
    columns: dict[str, int | None] = {'experiment': None, f'reference test {metric}': 2, f'our val {metric}': 2}
    columns |= {'masks kept': None, f'our test {metric}': 2, f'{kind} of the classes': None}
    return Table('Test: predicted blind', columns, rows)


def ladder_figure(experiments: Sequence[Experiment], metric: str = 'mDice') -> Figure:
    """Val scores with their intervals, the stated ones beside them; experiments not run have only the latter."""
    with new_figure(1, 1, height=1.0 + 0.34 * len(experiments)) as (figure, axes):
        panel = axes[0, 0]
        for place, experiment in enumerate(experiments):
            if 'val' in experiment.reference:
                panel.plot(experiment.reference['val'], place, 'D', color=INK, markerfacecolor='white', zorder=3)
            if experiment.was_run:
                score = experiment.score(metric)
                ends = [[score['value'] - score['low']], [score['high'] - score['value']]]
                panel.errorbar(score['value'], place, xerr=ends, fmt='o', color=CYCLE[1], capsize=3, zorder=4)
        panel.errorbar([], [], xerr=[], fmt='o', color=CYCLE[1], capsize=3, label='ours, 95 % interval over images')
        panel.plot([], [], 'D', color=INK, markerfacecolor='white', label='reference')
        panel.set(xlabel=f'val {metric}, %', yticks=range(len(experiments)), ylim=(len(experiments) - 0.5, -0.5))
        labels = [experiment.name.replace('_', ' ') for experiment in experiments]
        shortened = [f' ({experiment.length})' if experiment.was_shortened else '' for experiment in experiments]
        panel.set_yticklabels([''.join(parts) for parts in zip(labels, shortened, strict=True)], fontsize=7)
        figure.legend(loc='outside lower center', ncols=2)
    return figure


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
    this file that make tables. Filters: ``number`` and ``table``.

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
    checked = audit_label_set(sources.data, sources.labels)
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
        'names_by_note': names_by_note,
        'ladder_table': ladder_table,
        'steps_table': steps_table,
        'changes_table': changes_table,
        'blind_table': blind_table,
    }
    text = _render(template, context)
    figures = make_folder(out.parent / FIGURES)
    save_figure(ladder_figure(experiments, metric), figures / 'report_ladder.svg')
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
        raise InputError(path, 'must be a JSON file of config name → scores, such as {"NAME": {"mDice": 90.1}}')
    known = {experiment.name for experiment in experiments}
    for name, scores in content.items():
        if name not in known:
            raise InputError(path, f'{name} is not among the experiments', f'known are {", ".join(sorted(known))}')
        for key, value in scores.items():
            for number in value.values() if isinstance(value, dict) else [value]:
                if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number <= 100:
                    raise InputError(path, f'{name}: {key} is {number!r}, expected a percentage')
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
        raise InputError(path, f'cannot be read ({error.strerror or error})') from error
    except jinja2.TemplateError as error:
        line = f', line {error.lineno}' if isinstance(error, jinja2.TemplateSyntaxError) else ''
        raise InputError(f'{path}{line}', str(error), 'correct the template, or make what it asks for') from error


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, write, say where it lies."""
    parser = ArgumentParser(
        'Fill the template of the report with what data, configs and results say: the same inputs give the same text.',
        EXAMPLE,
    )
    parser.add_argument('data', metavar='DATA', help='data set that the first stage looks at')
    parser.add_argument('--labels', default='labels', metavar='NAME', help='its label set (default: labels)')
    parser.add_argument('--project', default=REPORTS / 'project.yaml', metavar='FILE', help='list of the experiments')
    parser.add_argument('--template', default=REPORTS / 'REPORT.md.j2', metavar='FILE', help='text to fill in')
    parser.add_argument('--results', default=RESULTS, metavar='D', help='results, a folder a config')
    parser.add_argument(
        '--test-scores', type=Path, default=REPORTS / 'test_scores.json', metavar='FILE',
        help='blind scores of test: {config name: {"mDice": …}}',
    )  # fmt: skip
    parser.add_argument('--out', default=REPORTS / 'REPORT.md', metavar='FILE', help='the report; it is replaced')
    args = parser.parse_args(argv)
    sources = ReportSources(
        Path(args.data), Path(args.project), Path(args.results), labels=args.labels, test_scores=args.test_scores
    )
    print(f'report: {write_report(args.template, sources, args.out)}')


if __name__ == '__main__':
    run(main)
