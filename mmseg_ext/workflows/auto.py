"""The whole way from masks to an error analysis: audit, plan, training, test, errors, and a page about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmseg_ext.data import DataSet
from mmseg_ext.eda.audit.findings import counted
from mmseg_ext.eda.profile import choose_labels
from mmseg_ext.eda.table import Table
from mmseg_ext.errors import InputError
from mmseg_ext.files import SETTINGS_FILE, claim_folder
from mmseg_ext.processes import spawn_pool
from mmseg_ext.reading import read_json
from mmseg_ext.reports.auto_page import Step, write_auto_page
from mmseg_ext.reports.errors.conclusions import conclude
from mmseg_ext.runs.layout import METRICS, RUN_RECORD

AUDIT, RUN, TEST, ERRORS, PLAN, PAGE = 'audit', 'run', 'test', 'errors', 'plan.json', 'index.html'
__all__ = ['AutoResult', 'default_out', 'run_all']


@dataclass(frozen=True)
class AutoResult:
    """What a whole run found.

    Attributes:
        page: The page.
        sentences: Its conclusions.
        config: The planned config.
        metrics: ``metrics.json`` of the test.
    """

    page: Path
    sentences: tuple[str, ...]
    config: Path
    metrics: dict[str, Any]


def default_out(data: str | Path) -> Path:
    """Return ``work_dirs/<config name>-auto``, relative to the current folder."""
    from mmseg_ext.workflows.init import default_path

    return Path('work_dirs') / f'{default_path(data).stem}-auto'


def run_all(
    data: str | Path,
    out: str | Path | None = None,
    *,
    minutes: float = 40,
    device: str = 'auto',
    backbone: str | None = None,
    labels: str | None = None,
    orientation: str = 'upright',
    seed: int = 0,
    ignore_audit_errors: bool = False,
    report: Callable[[str], None] = print,
) -> AutoResult:
    """Audit a data set, plan a training, train, test with test-time augmentation, and find the causes of the errors.

    A second call with the same arguments takes up where the first one stopped: what is done is not done again.

    Args:
        data: The data set.
        out: The result folder; `default_out` by default.
        minutes: As in `mmseg_ext.workflows.init.plan_config`, as are the next five.
        device: See there.
        backbone: See there.
        labels: See there; also the label set that is audited.
        orientation: See there.
        seed: See there.
        ignore_audit_errors: Go on although the audit finds errors.
        report: Is told of each step in a line.

    Raises:
        InputError: The data set or an argument cannot be used, the audit found errors (exit code 1), or a step failed.
    """
    root = DataSet(data).root.resolve()
    out = Path(out) if out is not None else default_out(data)
    wanted: dict[str, Any] = dict(minutes=minutes, device=device, backbone=backbone, orientation=orientation, seed=seed)
    from mmseg_ext.workflows.init import check_request, default_path, plan_config

    config = out / default_path(root).name
    is_planned = config.is_file() and (out / PLAN).is_file()
    if not is_planned:
        check_request(**wanted)
    claim_folder(out, {'data': str(root), 'labels': labels, **wanted}, 'result of mmseg-ext auto')
    try:
        chosen = _planned_labels(out / PLAN) if is_planned else choose_labels(root, labels)
        audit = _audit(root, chosen, out, ignore_audit_errors, report)
    except InputError:
        _remove_if_empty(out)
        raise
    if not is_planned:
        report(f'2/5 init: planning for {minutes:g} minutes')
        plan_config(root, config, labels=chosen, json=out / PLAN, overwrite=True, **wanted)
    plan = read_json(out / PLAN)
    with _undamaged(out / PLAN):
        split = _scored_split(plan)
        length = f'{plan["plan"]["steps"]} steps, about {plan["plan"]["minutes"]:g} minutes'
    from mmseg_ext.workflows.train import is_finished, train_in_own_process

    if not is_finished(out / RUN):
        report(f'3/5 train: {length}')
        _in_own_process(train_in_own_process, str(config), str(out / RUN))
    if not (out / TEST / METRICS).is_file():
        report(f'4/5 test: {split}')
        _in_own_process(_test, str(config), str(out / RUN), split, str(out / TEST))
    if not (out / ERRORS / 'errors.json').is_file():
        report('5/5 errors: the cause of each wrong pixel')
        from mmseg_ext.workflows.errors import analyze_errors

        analyze_errors(out / TEST, out / ERRORS, overwrite=True, command=['mmseg-ext', 'auto', str(data)])
    metrics, errors = read_json(out / TEST / METRICS), read_json(out / ERRORS / 'errors.json')
    with _undamaged(out):
        sentences = _sentences(audit, plan, metrics, errors)
        steps = _steps(audit, plan, metrics, errors, config, split)
    write_auto_page(out / PAGE, f'{root.name}: from masks to errors', sentences, steps)
    return AutoResult(out / PAGE, tuple(sentences), config, metrics)


def _audit(root: Path, labels: str, out: Path, ignore_errors: bool, report: Callable[[str], None]) -> dict[str, Any]:
    """Audit, unless an earlier audit of these labels without errors is there.

    Raises:
        InputError: There are findings to be fixed before training, and they are not to be ignored.
    """
    from mmseg_ext.workflows.audit import audit_labels

    done = out / AUDIT / 'audit.html'
    summary = None
    if done.is_file():
        content = read_json(out / AUDIT / 'audit.json')
        with _undamaged(out / AUDIT):
            summary = content['summary']
            found = summary['severities']['error']
            is_other = summary['labels'] != labels
    if summary is None or is_other or (found and not ignore_errors):
        report(f'1/5 audit: {labels}')
        summary = audit_labels(root, labels, out=out / AUDIT, overwrite=True).summary()
    errors = summary['severities']['error']
    if errors and not ignore_errors:
        raise InputError(
            root,
            f'the audit found {counted(errors, "error")} (see {done})',
            'correct them and run this again, or continue with `ignore_audit_errors=True`',
            exit_code=1,
        )
    return dict(summary)


@contextmanager
def _undamaged(path: Path) -> Iterator[None]:
    """Refuse a result of an earlier call that has another form than we write."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(path, f'holds a damaged result ({error!r})', 'remove it, and run this again') from error


def _planned_labels(path: Path) -> str:
    """Return the label set of an earlier plan: the training keeps to it, though a newer one may have appeared."""
    plan = read_json(path)
    with _undamaged(path):
        return str(plan['plan']['labels'])


def _remove_if_empty(out: Path) -> None:
    """Remove a result folder that holds nothing but its settings, so that another call may use it."""
    if {path.name for path in out.iterdir()} == {SETTINGS_FILE}:
        (out / SETTINGS_FILE).unlink()
        out.rmdir()


def _in_own_process(action: Callable[..., None], *arguments: str) -> None:
    """Run in a process of its own: mmengine keeps global state that the next step would inherit."""
    with spawn_pool(1) as pool:
        pool.submit(action, *arguments).result()


def _test(config: str, work_dir: str, split: str, out: str) -> None:
    from mmseg_ext.workflows.evaluate import evaluate_split
    from mmseg_ext.workflows.train import fork_loaders

    fork_loaders()
    evaluate_split(config, work_dir, split, out=out, tta=True, probabilities=True)


def _scored_split(plan: Mapping[str, Any]) -> str:
    has_test_masks = any('test' in splits for splits in plan['profile']['masked'].values())
    return 'test' if has_test_masks else 'val'


def _sentences(
    audit: Mapping[str, Any], plan: Mapping[str, Any], metrics: Mapping[str, Any], errors: Mapping[str, Any]
) -> list[str]:
    severities, chosen = audit['severities'], plan['plan']
    score = metrics['scores']['mDice']
    return [
        f'Audit of {audit["labels"]}: {counted(severities["error"], "error")}, '
        f'{counted(severities["warning"], "warning")} and {counted(severities["info"], "info finding")} '
        f'in {counted(audit["files_with_findings"], "file")}; {counted(audit["images"], "image")} audited.',
        f'Training: {chosen["backbone"]} for {chosen["steps"]} steps at {chosen["size"][0]}×{chosen["size"][1]} px on '
        f'{chosen["labels"]}.',
        f'{metrics["split"]}: mDice {_interval(score, "95 % interval ")} over '
        f'{counted(metrics["scores"]["images"], "image")} of {metrics["labels"]}, with test-time augmentation.',
        *conclude(errors),
    ]


def _steps(
    audit: Mapping[str, Any],
    plan: Mapping[str, Any],
    metrics: Mapping[str, Any],
    errors: Mapping[str, Any],
    config: Path,
    split: str,
) -> list[Step]:
    checks = Table('', {'check': None, 'findings': None}, [list(row) for row in audit['checks'].items()])
    choices = Table(
        '',
        {'choice': None, 'value': None, 'reason': None},
        [[row['name'], row['value'], row['reason']] for row in plan['plan']['choices']],
        f'Estimated: {plan["plan"]["minutes"]:g} minutes, {plan["plan"]["memory_gb"]:g} GB.',
    )
    classes = Table(
        '',
        {'class': None, 'Dice % (95 % interval)': None, 'IoU %': 2},
        [
            [name, _interval(scores['Dice']), scores['IoU']['value']]
            for name, scores in metrics['scores']['classes'].items()
        ],
    )
    causes = Table(
        '',
        {'cause': None, 'pixels': None, 'gain in mDice': 2},
        [[row['cause'], row['pixels'], row['gain']['value']] for row in errors['causes']],
    )
    return [
        Step(
            'Audit',
            f'{counted(audit["findings"], "finding")}.',
            {'the audit': f'{AUDIT}/audit.html'},
            checks if checks.rows else None,
        ),
        Step('Plan', 'Each choice and its reason; you can edit the config.', {'the config': config.name}, choices),
        Step('Training', f'Checkpoints, curves and records are in {RUN}/.', {'run.json': f'{RUN}/{RUN_RECORD}'}),
        Step('Test', f'Predicted masks of {split} are in {TEST}/masks/.', {'all scores': f'{TEST}/{METRICS}'}, classes),
        Step(
            'Errors', 'What correcting each cause would gain.', {'the error analysis': f'{ERRORS}/errors.html'}, causes
        ),
    ]


def _interval(score: Mapping[str, float | None], label: str = '') -> str:
    if score['value'] is None:
        return '–'
    if score['low'] is None or score['high'] is None:
        return f'{score["value"]:.2f}'
    return f'{score["value"]:.2f} ({label}{score["low"]:.2f}–{score["high"]:.2f})'
