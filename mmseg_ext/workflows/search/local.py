"""A search whose trainings run on this machine, one after the other.

Akiba et al., *Optuna: A next-generation hyperparameter optimization framework*, arXiv 1907.10902.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mmseg_ext.errors import InputError, installing
from mmseg_ext.files import claim_folder, write_json
from mmseg_ext.progress import track
from mmseg_ext.runs.config import check_parts, load_config
from mmseg_ext.runs.config_names import find_config
from mmseg_ext.runs.environment import describe_environment
from mmseg_ext.runs.lock import work_dir_lock
from mmseg_ext.workflows.arguments import check_least
from mmseg_ext.workflows.search.report import rank
from mmseg_ext.workflows.search.settings import Parameter, SearchSettings
from mmseg_ext.workflows.search.trial import Outcome, run_trial

REPORT_FILE = 'search.json'
STUDY_FILE = 'study.log'
OUTCOME = 'outcome'  # attribute of a trial whose training has ended by itself
KILLED = 'killed'
STARTUP_TRIALS = 4  # trainings before the median of them may stop one


def search(settings: SearchSettings, trials: int, out: str | Path) -> dict[str, Any]:
    """Train with ``trials`` choices of hyperparameters, one after the other.

    The same call continues an interrupted search; a larger ``trials`` extends a finished one.

    Args:
        settings: The search.
        trials: How many trainings the search has at its end, those of earlier calls included. One that was killed with
            its call does not count.
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
        raise InputError(f'{error.name}', 'is not installed', installing('search')) from error

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    check_least(1, trials=trials)
    config = load_config(settings.config, settings.example_options())
    check_parts(config, settings.config, 'model', 'train_dataloader', 'train_cfg', 'optim_wrapper', 'val_dataloader')
    out = Path(out)
    claim_folder(out, {**settings.describe(), 'config': str(find_config(settings.config).resolve())}, 'search')
    with work_dir_lock(out, argument='out'):
        study = _open_study(settings, out)
        finished = sum(OUTCOME in trial.user_attrs for trial in study.trials)
        for _ in track(range(finished, trials), 'searching', trials - finished):
            _run_next(study, settings, out)
            _write_report(settings, study, out)
        report = _write_report(settings, study, out)
    if all(row['state'] == 'failed' for row in report['trials']):
        last = [row['reason'] for row in report['trials'] if row['reason'] != KILLED][-1]
        raise InputError(out, f'every training failed; the last: {last}')
    return report


def _run_next(study: Any, settings: SearchSettings, out: Path) -> None:
    trial = study.ask()
    chosen = {parameter.key: _suggest(trial, parameter) for parameter in settings.space}

    def is_hopeless(value: float, iteration: int) -> bool:
        trial.report(value, iteration)
        return bool(trial.should_prune())

    options = {**settings.options, **chosen}
    work_dir = _work_dir(out, trial.number)
    outcome = run_trial(settings.config, work_dir, settings.seed, options, settings.metric, is_hopeless)
    trial.set_user_attr(OUTCOME, asdict(outcome))
    _tell(study, trial.number, outcome)
    assignments = ', '.join(f'{key}={value}' for key, value in chosen.items())
    result = outcome.reason or f'{settings.metric} {outcome.value:.2f}'
    print(f'trial {trial.number}: {assignments}: {outcome.state}, {result}', file=sys.stderr, flush=True)


def _tell(study: Any, trial: int, outcome: Outcome) -> None:
    from optuna.trial import TrialState

    state = {'complete': TrialState.COMPLETE, 'pruned': TrialState.PRUNED}.get(outcome.state, TrialState.FAIL)
    study.tell(trial, outcome.value if state == TrialState.COMPLETE else None, state=state)


def _open_study(settings: SearchSettings, out: Path) -> Any:
    """Open the study in ``out``; trainings that were under way when an earlier call was killed are tried again."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    study = optuna.create_study(
        storage=JournalStorage(JournalFileBackend(str(out / STUDY_FILE))),
        study_name='search',
        direction='maximize',
        load_if_exists=True,
        **sampler_and_pruner(settings),
    )
    for trial in study.trials:
        if trial.state.is_finished() or trial.state == optuna.trial.TrialState.WAITING:
            continue
        if OUTCOME in trial.user_attrs:  # killed before it was told
            _tell(study, trial.number, Outcome(**trial.user_attrs[OUTCOME]))
        else:
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
            study.enqueue_trial(trial.params)
    return study


def sampler_and_pruner(settings: SearchSettings) -> dict[str, Any]:
    """Return Optuna's TPE sampler and median pruner, as arguments of a study."""
    import optuna

    pruner = optuna.pruners.MedianPruner(STARTUP_TRIALS) if settings.prune else optuna.pruners.NopPruner()
    return {'sampler': optuna.samplers.TPESampler(seed=settings.seed), 'pruner': pruner}


def _suggest(trial: Any, parameter: Parameter) -> Any:
    if parameter.choices:
        trial.suggest_categorical(parameter.key, [repr(choice) for choice in parameter.choices])
    elif parameter.is_integer:
        trial.suggest_int(parameter.key, int(parameter.low), int(parameter.high), log=parameter.log)
    else:
        trial.suggest_float(parameter.key, parameter.low, parameter.high, log=parameter.log)
    return _value(trial, parameter)


def _value(trial: Any, parameter: Parameter) -> Any:
    """Return the value that a trial has for a parameter; choices go by their text, since one may be a list."""
    texts = {repr(choice): choice for choice in parameter.choices}
    return texts.get(trial.params[parameter.key], trial.params[parameter.key])


def _write_report(settings: SearchSettings, study: Any, out: Path) -> dict[str, Any]:
    """Write ``search.json``: the trainings that have ended, ranked."""
    rows = rank(
        {
            'trial': trial.number,
            **trial.user_attrs.get(OUTCOME, asdict(Outcome('failed', None, None, 0.0, KILLED))),
            'parameters': {p.key: _value(trial, p) for p in settings.space if p.key in trial.params},
            'work_dir': str(_work_dir(out, trial.number)),
        }
        for trial in study.trials
        if trial.state.is_finished()
    )
    report = {'settings': settings.describe(), 'environment': describe_environment(sys.argv), 'trials': rows}
    write_json(out / REPORT_FILE, report)
    return report


def _work_dir(out: Path, trial: int) -> Path:
    return out / f'trial-{trial:03d}'
