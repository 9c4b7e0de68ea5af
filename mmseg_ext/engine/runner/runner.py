"""Runner whose checkpoints are atomic, hold no code and are checked against the model."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

import mmengine
import torch
from mmengine.dist import barrier, is_main_process, master_only
from mmengine.hooks import EMAHook
from mmengine.logging import MMLogger
from mmengine.model import BaseTTAModel, MMDistributedDataParallel
from mmengine.runner import BaseLoop
from mmengine.runner import Runner as MMEngineRunner
from mmengine.runner.checkpoint import CheckpointLoader, load_state_dict
from torch.utils.data import DataLoader

from mmseg_ext.datasets.collate import collate
from mmseg_ext.datasets.seeding import reseed, seed_samples, skip_batches
from mmseg_ext.engine.allocator import keep_freed_memory
from mmseg_ext.engine.checkpoints.files import (
    checkpoints_newest_first,
    remove_leftovers,
    save_checkpoint_file,
    to_plain,
)
from mmseg_ext.engine.checkpoints.matching import check_weights, revise
from mmseg_ext.engine.checkpoints.soundness import lost_tensors, why_unsound
from mmseg_ext.engine.checkpoints.training_state import (
    get_rng_state,
    message_hub_from_plain,
    message_hub_to_plain,
    set_rng_state,
)
from mmseg_ext.engine.hooks.missing_validation import MissingValidationHook
from mmseg_ext.engine.hooks.stopping import StopHook
from mmseg_ext.engine.mmengine_internals import OpenRunner, formatting_once, strict_loading
from mmseg_ext.engine.runner.length import (
    check_length,
    check_options,
    check_schedule_ends,
    flat_schedulers,
    follow_schedules,
    optimizer_options,
    take_schedules,
)
from mmseg_ext.engine.runner.stopping import StopSignals, shield_workers, stopped
from mmseg_ext.engine.unwrap import optim_wrappers, unwrap_model
from mmseg_ext.errors import InputError, one_line
from mmseg_ext.files import write_text
from mmseg_ext.registry import RUNNERS
from mmseg_ext.runs.checkpoint_file import load_checkpoint_file
from mmseg_ext.runs.console import quiet_console, release_log_files
from mmseg_ext.runs.layout import INTERRUPTED_CHECKPOINT, LAST_CHECKPOINT
from mmseg_ext.runs.lock import work_dir_lock

_STRIP_MODULE = ((r'^module\.', ''),)


@RUNNERS.register_module()
class Runner(OpenRunner):
    """``mmengine.runner.Runner`` that survives ``kill -9`` and refuses foreign code.

    A config selects it by ``runner_type = 'mmseg_ext.Runner'``, also in mmsegmentation's own tools. It builds models
    and loads weights under `mmseg_ext.engine.mmengine_internals.strict_loading`. Its files have mmengine's keys, so
    mmengine reads them too; they add ``rng_state``, so a run on one process resumes as if it had not stopped. The
    samples of a training depend only on the seed, not on ``num_workers`` or a resumption
    (`mmseg_ext.datasets.seeding`); on further ranks, the model's own random numbers (dropout) start again.
    """

    optim_wrapper: Any  # a config until the training begins, as is the next
    param_schedulers: Any
    is_training = False
    finished_batches = 0  # of the epoch in which the resumed training was stopped
    _stop_signals: StopSignals | None = None
    _resuming = False
    _keeps_schedules = True
    _resumed_rng_state: dict[str, Any] | None = None

    @strict_loading()
    @formatting_once()
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)

    @strict_loading()
    @formatting_once()
    def train(self) -> torch.nn.Module:
        """Train; see mmengine. Weights from ``load_from`` need to fit the model only in part (another head)."""
        for hook in (MissingValidationHook, StopHook):
            if not any(type(one) is hook for one in self.hooks):
                self.register_hook(hook())
        self.is_training = True
        lock = work_dir_lock(self.work_dir, self.logger.warning) if is_main_process() else nullcontext()
        with lock, StopSignals() as self._stop_signals:
            try:
                return super().train()
            finally:
                self.is_training, self._stop_signals = False, None
                self.call_hook('close')  # even after an error: a progress line must release the terminal
                release_log_files(self.logger)

    @strict_loading()
    def val(self) -> dict[str, float]:
        """Validate; see mmengine."""
        metrics: dict[str, float] = super().val()
        return metrics

    @strict_loading()
    def test(self) -> dict[str, float]:
        """Test; see mmengine."""
        metrics: dict[str, float] = super().test()
        return metrics

    def build_train_loop(self, loop: BaseLoop | dict[str, Any]) -> BaseLoop:
        """Build the loop; see mmengine. Its samples depend only on the seed and their place in the training."""
        if not isinstance(loop, BaseLoop) and isinstance(self.train_source, dict):
            self.train_source = seed_samples(self.train_source, self.seed)
        built = super().build_train_loop(loop)
        check_length(built)
        shield_workers(built.dataloader)
        return built

    def build_val_loop(self, loop: BaseLoop | dict[str, Any]) -> BaseLoop:
        """Build the loop; see mmengine."""
        built = super().build_val_loop(loop)
        shield_workers(built.dataloader)
        return built

    def stop_requested(self) -> int:
        """Return the signal that asks the training to stop, the same on all its processes; 0 for none.

        While gradients accumulate, which no checkpoint holds, it returns 0 until the next update.
        """
        if not all(one.should_update() for one in optim_wrappers(self.optim_wrapper)):
            return 0
        return 0 if self._stop_signals is None else self._stop_signals.agreed()

    def stop(self, number: int, meta: Mapping[str, Any]) -> NoReturn:
        """Save the current state as ``interrupted.pth`` and end the training.

        Args:
            number: The signal that asked for it.
            meta: Numbers of finished epochs and iterations (``epoch``, ``iter``), and of finished ``batches`` of the
                current epoch.

        Raises:
            KeyboardInterrupt: After SIGINT.
            TrainingStopped: After another signal.
            InputError: The checkpoint cannot be written.
        """
        reason = why_unsound(self)
        try:
            if not reason:
                self.save_checkpoint(self.work_dir, INTERRUPTED_CHECKPOINT, meta=dict(meta), by_epoch=False)
            if is_main_process() and not reason:
                path = Path(self.work_dir) / INTERRUPTED_CHECKPOINT
                write_text(path.with_name(LAST_CHECKPOINT), str(path))
        finally:
            self.set_finished_iterations(meta['iter'])
            barrier()  # a launcher kills the other processes when the first one ends
        state = f'not saved: {reason}' if reason else f'in {INTERRUPTED_CHECKPOINT}'
        self.logger.warning(f'stopped after iteration {meta["iter"]}; its state is {state}')
        raise stopped(number, f'after iteration {meta["iter"]}')

    def take_finished_batches(self) -> int:
        """Return how many batches of the epoch a stopped training had done; later calls return 0."""
        done, self.finished_batches = self.finished_batches, 0
        return done

    @staticmethod
    def build_dataloader(
        dataloader: DataLoader[Any] | dict[str, Any], seed: int | None = None, diff_rank_seed: bool = False
    ) -> DataLoader[Any]:
        """Build a loader; see mmengine. ``num_workers=0`` alone asks for no workers: torch wants more keys changed.

        Unless the config names a ``collate_fn``, batches are collated by `mmseg_ext.datasets.collate.collate`.
        """
        if isinstance(dataloader, dict):
            dropped = () if dataloader.get('num_workers', 0) else ('persistent_workers', 'prefetch_factor')
            dataloader = {
                'collate_fn': collate, **{key: value for key, value in dataloader.items() if key not in dropped}
            }  # fmt: skip
        return MMEngineRunner.build_dataloader(dataloader, seed, diff_rank_seed)

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """Build the logger; see mmengine. Its long texts (environment, config, hooks) go only to the file."""
        logger = super().build_logger(*args, **kwargs)
        quiet_console(logger)
        return logger

    def dump_config(self) -> None:
        """Write the config into the work dir; see mmengine. A resumed run waits until its checkpoint has been read."""
        if self.has_loaded or not self.resumes:
            super().dump_config()

    def setup_env(self, env_cfg: dict[str, Any]) -> None:
        """Set up processes and libraries; see mmengine, which can start several processes only on GPUs.

        Without a GPU, the process keeps the memory that it frees (`mmseg_ext.engine.allocator`).
        """
        if not torch.cuda.is_available():
            keep_freed_memory()
        if self.launcher == 'pytorch' and not (torch.cuda.is_available() or torch.distributed.is_initialized()):
            torch.distributed.init_process_group('gloo')
        super().setup_env(env_cfg)

    def wrap_model(self, model_wrapper_cfg: dict[str, Any] | None, model: torch.nn.Module) -> torch.nn.Module:
        """Wrap the model for several processes; see mmengine, which names a GPU even if there is none."""
        if model_wrapper_cfg is None and self.distributed and not torch.cuda.is_available():
            unused = self.cfg.get('find_unused_parameters', False)
            return MMDistributedDataParallel(model, broadcast_buffers=False, find_unused_parameters=unused)
        return super().wrap_model(model_wrapper_cfg, model)

    @master_only
    def save_checkpoint(
        self,
        out_dir: str,
        filename: str,
        file_client_args: dict | None = None,
        save_optimizer: bool = True,
        save_param_scheduler: bool = True,
        meta: dict | None = None,
        by_epoch: bool = True,
        backend_args: dict | None = None,
    ) -> None:
        """Write a checkpoint atomically, on rank 0 only.

        Args:
            out_dir: A local folder.
            filename: The file's name in it.
            file_client_args: Must be ``None``: only local files can be written atomically.
            save_optimizer: Whether to save the optimizer's state.
            save_param_scheduler: Whether to save the schedulers' states.
            meta: Further entries of ``meta``; ``epoch`` and ``iter`` override the runner's.
            by_epoch: Whether the current epoch (or else the current iteration) counts as finished.
            backend_args: Must be ``None``, as above.

        Raises:
            InputError: The file cannot be written, or a remote backend is asked for.
        """
        if file_client_args is not None or backend_args is not None:
            raise InputError(out_dir, 'checkpoints are written to local folders only', 'remove `backend_args:`')
        done = (
            {'epoch': self.epoch + 1, 'iter': self.iter} if by_epoch else {'epoch': self.epoch, 'iter': self.iter + 1}
        )
        checkpoint: dict[str, Any] = {
            'meta': {**done, **(meta or {}), **self._describe_run()},
            'state_dict': self._bare_model().state_dict(),
            'message_hub': message_hub_to_plain(self.message_hub),
            'rng_state': get_rng_state(),
        }
        if save_optimizer:
            checkpoint['optimizer'] = self.optim_wrapper.state_dict()
        if save_param_scheduler and self.param_schedulers is not None:
            checkpoint['param_schedulers'] = self._scheduler_states()
        self.call_hook('before_save_checkpoint', checkpoint=checkpoint)
        save_checkpoint_file(to_plain(checkpoint), Path(out_dir) / filename)

    def _describe_run(self) -> dict[str, Any]:
        description = {
            'cfg': self._config_text,
            'seed': self.seed,
            'experiment_name': self.experiment_name,
            'time': time.strftime('%Y%m%d_%H%M%S', time.localtime()),
            'mmengine_version': mmengine.__version__,
        }
        metainfo = getattr(self.train_dataloader.dataset, 'metainfo', None)
        return description if metainfo is None else {**description, 'dataset_meta': metainfo}

    @cached_property
    def _config_text(self) -> str:
        return str(self.cfg.pretty_text)  # formatting it takes longer than writing a small checkpoint

    def _scheduler_states(self) -> Any:
        if isinstance(self.param_schedulers, dict):
            return {
                name: [scheduler.state_dict() for scheduler in group] for name, group in self.param_schedulers.items()
            }
        return [scheduler.state_dict() for scheduler in self.param_schedulers]

    def _bare_model(self) -> torch.nn.Module:
        model = unwrap_model(self.model)
        return model.module if isinstance(model, BaseTTAModel) else model

    @strict_loading()
    def load_checkpoint(
        self,
        filename: str,
        map_location: str | Callable[..., Any] = 'cpu',
        strict: bool = False,
        revise_keys: Sequence[tuple[str, str]] = _STRIP_MODULE,
    ) -> dict[str, Any]:
        """Load weights after checking that they belong to this model.

        Args:
            filename: A path, or an address that mmengine knows.
            map_location: Where the tensors go.
            strict: Whether all keys and shapes must match. They always must for a resumed run, a validation and a test.
            revise_keys: Pairs (pattern, replacement) applied to the keys.

        Returns:
            The checkpoint, with its logged history as mmengine expects it.

        Raises:
            InputError: The file cannot be read, holds code, or belongs to another model.
        """
        checkpoint = CheckpointLoader.load_checkpoint(filename, map_location=map_location, logger='silent')
        if 'state_dict' not in checkpoint:
            checkpoint = {'meta': {}, 'state_dict': checkpoint}
        if self._resuming:
            self._prepare_resume(filename, checkpoint)
        strict = strict or self._resuming or not self.is_training
        check_weights(filename, revise(checkpoint['state_dict'], revise_keys), self._bare_model().state_dict(), strict)
        if 'message_hub' in checkpoint:
            checkpoint['message_hub'] = message_hub_from_plain(checkpoint['message_hub'])
        self.call_hook('after_load_checkpoint', checkpoint=checkpoint)
        load_state_dict(self._bare_model(), revise(checkpoint['state_dict'], revise_keys), strict)
        self.has_loaded = True
        self.logger.info(f'Loaded {filename}')
        return checkpoint

    @strict_loading()
    def load_or_resume(self) -> None:
        """Load ``load_from``, or continue from the newest readable checkpoint of the work dir.

        If the newest checkpoint is damaged (the machine went down before the file system had written it), a warning is
        given and the previous one is used, which costs one epoch. A work dir without checkpoints starts from scratch.

        Raises:
            InputError: None of the checkpoints of the work dir can be read.
        """
        if self.has_loaded or not self.resumes or self.start_weights is not None:
            super().load_or_resume()
            return
        if is_main_process():
            remove_leftovers(self.work_dir)
        candidates = checkpoints_newest_first(self.work_dir)
        if not candidates:
            self.resumes = False  # hooks and loaders must not treat this as a continued run
            self.dump_config()
            self.logger.info(f'{self.work_dir}: no checkpoint to resume from; starting from scratch')
            return
        for path in candidates:
            try:
                self._check_soundness(path, load_checkpoint_file(path))
            except InputError as error:
                self.logger.warning(f'{error}; trying the checkpoint before it')
                continue
            self.resume(str(path))
            return
        raise InputError(
            self.work_dir,
            f'none of its {len(candidates)} checkpoints can be read',
            'train without `resume=True`',
        )

    def _check_soundness(self, path: Path, checkpoint: Mapping[str, Any]) -> None:
        parameters = dict(self._bare_model().named_parameters())
        state = checkpoint.get('state_dict')
        lost = lost_tensors(state, parameters) if isinstance(state, Mapping) else []
        if lost:
            raise InputError(path, f'{lost[0]} is not finite')

    def resume(
        self,
        filename: str,
        resume_optimizer: bool = True,
        resume_param_scheduler: bool = True,
        map_location: str | Callable[..., Any] = 'cpu',
    ) -> None:
        """Continue a run from a checkpoint; see mmengine.

        Args:
            filename: The checkpoint.
            resume_optimizer: Whether to restore the optimizer.
            resume_param_scheduler: Whether to restore the schedulers.
            map_location: Where tensors are read to; the optimizer moves its state to the parameters' device itself.

        Raises:
            InputError: The file cannot be read, or does not hold the state of this training; the config changes the
                optimizer; or the training is now longer, but its schedule is not.
        """
        self._resuming = True
        try:
            self.optim_wrapper = self.build_optim_wrapper(self.optim_wrapper)
            if self.param_schedulers is not None:
                self.param_schedulers = self.build_param_scheduler(self.param_schedulers)
            options = optimizer_options(self.optim_wrapper)
            super().resume(filename, resume_optimizer, resume_param_scheduler, map_location)
            if resume_optimizer:
                check_options(options, optimizer_options(self.optim_wrapper))
            if resume_param_scheduler:
                check_schedule_ends(self)
                if not self._keeps_schedules:
                    follow_schedules(self, options)
            if self.seed is not None:  # it may now be the checkpoint's
                reseed(self.train_dataloader, self.seed)
                self.cfg.setdefault('randomness', {})['seed'] = self.seed
            if self.finished_batches and not skip_batches(self.train_dataloader, self.finished_batches):
                self.logger.warning(
                    f'{self.finished_batches} batches of the epoch are repeated: the sampler cannot skip them'
                )
                self.finished_batches = 0
            if self._resumed_rng_state is not None and self.world_size == 1:
                set_rng_state(self._resumed_rng_state)
        except (AttributeError, KeyError, IndexError, TypeError, ValueError, RuntimeError) as error:
            problem = f'does not hold the state of this training ({type(error).__name__}: {one_line(error)})'
            raise InputError(filename, problem, 'use it as `load_from:`') from error
        finally:
            self._resuming = False
        self.dump_config()

    def _prepare_resume(self, filename: str, checkpoint: dict[str, Any]) -> None:
        """Refuse weights without a training state, and keep the random state until everything else is restored."""
        if 'optimizer' not in checkpoint or 'epoch' not in checkpoint.get('meta', {}):
            raise InputError(filename, 'holds weights only and cannot be resumed', 'use it as `load_from:`')
        self._reuse_dataset_meta(checkpoint['meta'])
        if 'ema_state_dict' in checkpoint and not any(isinstance(hook, EMAHook) for hook in self.hooks):
            # The hook saves the averages as the weights, and the weights of the training in their place.
            averages = checkpoint['ema_state_dict'].items()
            training = {key.removeprefix('module.'): value for key, value in averages if key.startswith('module.')}
            checkpoint['state_dict'].update(training)
            self.logger.warning('EMAHook is gone from the config: the run continues without averages of its weights')
        self._keeps_schedules = take_schedules(flat_schedulers(self.param_schedulers), checkpoint)
        self._resumed_rng_state = checkpoint.get('rng_state')
        self.finished_batches = int(checkpoint['meta'].get('batches', 0))

    def _reuse_dataset_meta(self, meta: dict[str, Any]) -> None:
        """Replace an equal dataset description by the dataset's own: mmengine compares pickles, which may differ."""
        own = getattr(self.train_dataloader.dataset, 'metainfo', None)
        if own is not None and meta.get('dataset_meta') == to_plain(own):
            meta['dataset_meta'] = own
