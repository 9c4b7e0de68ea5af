"""What ``tools/search.py`` does without a server: trainings with other hyperparameters, chosen by Optuna.

Akiba et al., *Optuna: A next-generation hyperparameter optimization framework*, arXiv 1907.10902.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mmseg_ext.errors import InputError
from mmseg_ext.files import claim_folder, write_json
from mmseg_ext.progress import track
from mmseg_ext.runs.config import check_parts, load_config
from mmseg_ext.runs.environment import describe_environment
from mmseg_ext.workflows.search_space import Parameter, describe_space, example_options
from mmseg_ext.workflows.search_trial import Outcome, run_trial

REPORT, STUDY = 'search.json', 'study.log'


@dataclass(frozen=True)
class SearchSettings:
    """What is searched.

    Attributes:
        config: The experiment.
        space: The hyperparameters and what they may be.
        metric: The value of validation to maximise, as in ``scalars.json`` without ``val/``.
        seed: Of the sampler and of every training.
        prune: Whether a training is stopped whose curve lies below the median of those before it.
        options: Overrides that all trainings share, dotted key → value.
    """

    config: str
    space: tuple[Parameter, ...]
    metric: str = 'mDice'
    seed: int = 0
    prune: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)


def search(settings: SearchSettings, trials: int, out: str | Path) -> dict[str, Any]:
    """Train with ``trials`` choices of hyperparameters, one after the other.

    The same call continues an interrupted search; a larger ``trials`` extends a finished one.

    Args:
        settings: What is searched.
        trials: How many trainings the search has at its end, those of earlier calls included.
        out: Folder of the result: ``trial-<N>/`` is a work dir, ``trial-<N>.log`` what it printed, ``search.json``
            all of them, the best first.

    Returns:
        The content of ``search.json``.

    Raises:
        InputError: The config, a key of the space or the folder cannot be used, or every training failed.
    """
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise InputError(f'needs {error.name}, which is not installed: pip install "mmseg_ext[search]"') from error

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if trials < 1:
        raise InputError(f'--trials {trials}: must be at least 1')
    config = load_config(settings.config, {**settings.options, **example_options(settings.space)})
    check_parts(config, settings.config, 'model', 'train_dataloader', 'train_cfg', 'optim_wrapper', 'val_dataloader')
    study = _open_study(settings, Path(out))
    finished = sum(trial.state.is_finished() for trial in study.trials)
    for _ in track(range(finished, trials), 'searching', trials - finished):
        _try_one(study, settings, Path(out))
        _write_report(settings, study, Path(out))
    report = _write_report(settings, study, Path(out))
    if all(row['state'] == 'failed' for row in report['trials']):
        raise InputError(f'{out}: every training failed; the last: {report["trials"][-1]["reason"]}')
    return report


def _try_one(study: Any, settings: SearchSettings, out: Path) -> None:
    from optuna.trial import TrialState

    trial = study.ask()
    chosen = {parameter.key: _suggest(trial, parameter) for parameter in settings.space}

    def is_hopeless(value: float, iteration: int) -> bool:
        trial.report(value, iteration)
        return bool(trial.should_prune())

    outcome = run_trial(
        settings.config,
        out / f'trial-{trial.number:03d}',
        settings.seed,
        {**settings.options, **chosen},
        settings.metric,
        is_hopeless,
    )
    trial.set_user_attr('outcome', asdict(outcome))
    state = {'complete': TrialState.COMPLETE, 'pruned': TrialState.PRUNED}.get(outcome.state, TrialState.FAIL)
    study.tell(trial, outcome.value if state == TrialState.COMPLETE else None, state=state)
    what = ', '.join(f'{key}={value}' for key, value in chosen.items())
    result = outcome.reason or f'{settings.metric} {outcome.value:.2f}'
    print(f'trial {trial.number}: {what}: {outcome.state}, {result}', file=sys.stderr, flush=True)


def _open_study(settings: SearchSettings, out: Path) -> Any:
    """The study in ``out``; trainings that were under way when an earlier call was killed are tried again."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    claim_folder(out, _described(settings), 'search')
    study = optuna.create_study(
        storage=JournalStorage(JournalFileBackend(str(out / STUDY))),
        study_name='search',
        sampler=optuna.samplers.TPESampler(seed=settings.seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=4) if settings.prune else optuna.pruners.NopPruner(),
        direction='maximize',
        load_if_exists=True,
    )
    for trial in study.trials:
        if not trial.state.is_finished() and trial.state != optuna.trial.TrialState.WAITING:
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
            study.enqueue_trial(trial.params)
    return study


def _described(settings: SearchSettings) -> dict[str, Any]:
    return {**asdict(settings), 'space': describe_space(settings.space)}


def _suggest(trial: Any, parameter: Parameter) -> Any:
    if parameter.choices:
        trial.suggest_categorical(parameter.key, [repr(choice) for choice in parameter.choices])
    elif parameter.is_integer:
        trial.suggest_int(parameter.key, int(parameter.low), int(parameter.high), log=parameter.log)
    else:
        trial.suggest_float(parameter.key, parameter.low, parameter.high, log=parameter.log)
    return _value(trial, parameter)


def _value(trial: Any, parameter: Parameter) -> Any:
    """What a trial has for a parameter; choices go by their text, since one may be a list."""
    texts = {repr(choice): choice for choice in parameter.choices}
    return texts.get(trial.params[parameter.key], trial.params[parameter.key])


def _write_report(settings: SearchSettings, study: Any, out: Path) -> dict[str, Any]:
    """``search.json``: the trainings that have ended, the best first, those without a value last."""
    rows = [
        {
            'trial': trial.number,
            **trial.user_attrs.get('outcome', asdict(Outcome('failed', None, None, 0.0, 'killed'))),
            'parameters': {p.key: _value(trial, p) for p in settings.space if p.key in trial.params},
            'work_dir': str(out / f'trial-{trial.number:03d}'),
        }
        for trial in study.trials
        if trial.state.is_finished()
    ]
    rows.sort(key=lambda row: (row['value'] is None, -(row['value'] or 0), row['trial']))
    report = {'settings': _described(settings), 'environment': describe_environment(sys.argv), 'trials': rows}
    write_json(out / REPORT, report)
    return report


def search_table(report: Mapping[str, Any], rows: int = 20) -> Any:
    """The best trainings of a ``search.json`` as a rich table."""
    from rich.table import Table

    table = Table(title=f'{len(report["trials"])} trainings by val/{report["settings"]["metric"]}')
    keys = list(report['settings']['space'])
    for name in ('trial', 'value', 'iteration', 'minutes', 'state', *keys):
        table.add_column(name, justify='right' if name != 'state' else 'left', overflow='fold')
    for row in report['trials'][:rows]:
        value = '–' if row['value'] is None else f'{row["value"]:.2f}'
        shown = [row['parameters'].get(key, '–') for key in keys]
        table.add_row(
            str(row['trial']),
            value,
            '–' if row['iteration'] is None else str(row['iteration']),
            f'{row["minutes"]:.1f}',
            row['state'],
            *(f'{one:.4g}' if isinstance(one, float) else str(one) for one in shown),
        )
    return table
