"""Plan of a training: each choice follows from the data's profile, the machine and the minutes, and has its reason."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from mmseg_ext.eda.profile import ORIGINAL, DataProfile
from mmseg_ext.engine.runner.autocast import NO_GAIN
from mmseg_ext.workflows.init.machine import Machine, StepCost, TimeStep

SIDE_STEP = 32
MIN_SIDE, COMFORTABLE_SIDE = 128, 192  # below the second, only images that are small themselves
MAX_SIDE = {'cpu': 384, 'cuda': 768}
ENLARGEMENT = 1.25  # of small images: the network's stride then loses less of a thin part
ENOUGH_STEPS = 1000  # of fine-tuning; a larger input is worth less than these
# As long as a tenth of the objects have sides below two cells of the network's coarsest map, a larger input is worth
# more, and few steps do (docs/results.md, "The plan's choices").
FEW_STEPS, SMALL_OBJECT_SIDE = 300, 32.0
MAX_EPOCHS = 200
MIN_STEP_LIMIT = 500  # however few images there are
BATCH = 8
MIN_BATCH = 2
MEMORY_SHARE = 0.7  # of the memory that a step may take
CACHE_SHARE = 0.25  # of the memory that decoded images may take
RESERVE = 0.1  # share of the minutes kept in hand
START_SECONDS = 15.0  # until the first step
VALIDATIONS = 6
FASTER = 0.95  # of the other precision's time
SCALE_LIMITS = (1.3, 1.6)
IMBALANCE, MAX_WEIGHT = 8.0, 4.0
RARE_IMAGE_SHARE, OVERSAMPLED_BELOW = 0.15, 0.3
FEW_IMAGES = 10  # that show a rare class: too few for its sizes and surroundings, so its objects are pasted
MIN_OBJECT_SIDE = 8.0  # pixels of the network's input, two cells of its finest feature map
REFERENCE_SIDE = 192  # at which the precisions are compared
ROWS = (
    'labels', 'validation', 'backbone', 'size', 'scale', 'rotation', 'flips', 'colour', 'loss', 'sampling', 'batch',
    'precision', 'steps', 'TTA',
)  # fmt: skip


@dataclass(frozen=True)
class Choice:
    """A row of the plan.

    Attributes:
        name: What is chosen.
        value: The choice.
        reason: Why, in one sentence.
    """

    name: str
    value: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """A planned training.

    Attributes:
        labels: Label set to train on.
        val_labels: Label set to validate on.
        val_split: Split to validate on; None where images of train are set aside for it.
        test_split: Split that the config tests on.
        backbone: A name of `mmseg_ext.workflows.init.backbones.BACKBONES`.
        size: (width, height) of the network's input, pixels.
        keep_ratio: Whether the warp keeps the images' aspect ratio.
        scale: Range of the warp's factor.
        rotate: Its largest angle, degrees.
        shift: Its largest shift, as a share of the size.
        flip: Directions of flips.
        class_weights: Weights of the cross entropy, or None.
        oversample: Threshold of `ClassBalancedDataset`, or None.
        pasted: Ids of the classes whose objects are pasted into other images.
        batch: Images in a step.
        dtype: ``bfloat16`` or ``float32``.
        steps: Training steps.
        val_interval: Steps between validations.
        workers: Processes that load images.
        cache: Whether decoded images are kept in memory.
        tta: (width, height) of the sizes of test-time augmentation.
        minutes: Estimated duration of the training with its validations.
        memory_gb: Estimated memory, 10⁹ bytes.
        seconds: Measured seconds of a step, with its share of loading.
        choices: The rows of the table.
    """

    labels: str
    val_labels: str
    val_split: str | None
    test_split: str
    backbone: str
    size: tuple[int, int]
    keep_ratio: bool
    scale: tuple[float, float]
    rotate: int
    shift: float
    flip: tuple[str, ...]
    class_weights: tuple[float, ...] | None
    oversample: float | None
    pasted: tuple[int, ...]
    batch: int
    dtype: str
    steps: int
    val_interval: int
    workers: int
    cache: bool
    tta: tuple[tuple[int, int], ...]
    minutes: float
    memory_gb: float
    seconds: float
    choices: Mapping[str, Choice] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values; ``choices`` as a list."""
        return {**asdict(self), 'choices': [asdict(choice) for choice in self.choices.values()]}


def make_plan(
    profile: DataProfile,
    machine: Machine,
    time_step: TimeStep,
    *,
    minutes: float,
    backbone: str,
    backbone_reason: str,
    any_orientation: bool = False,
    sample_seconds: float = 0.0,
    val_images: int,
    set_aside: str = '',
) -> Plan:
    """Plan a training.

    Args:
        profile: The data.
        machine: The machine.
        time_step: Measures a step of the model.
        minutes: How long the training may take.
        backbone: Name of the backbone.
        backbone_reason: Why this one.
        any_orientation: Whether the images have no up.
        sample_seconds: Seconds to load and augment one image.
        val_images: Number of images to validate on.
        set_aside: Why images of train are set aside for validation; '' where there is a val split.
    """
    rows: list[Choice] = []
    train_images = profile.images['train'] - (val_images if set_aside else 0)
    budget = Budget.of(machine, minutes, train_images, val_images, sample_seconds)
    dtype, size = _choose_input(rows, profile, machine, budget, time_step)
    batch, cost = _fit_batch(rows, machine, time_step, size, dtype)
    steps = _choose_steps(rows, budget, cost, batch)
    val_interval = max(1, math.ceil(steps / VALIDATIONS / 10) * 10 if steps >= 100 else math.ceil(steps / 2))
    cached = profile.width * profile.height * 4 * sum(profile.images.get(name, 0) for name in ('train', 'val')) / 1e9
    cache = cached <= CACHE_SHARE * machine.memory_gb
    plan = Plan(
        profile.labels, profile.val_labels, None if set_aside else 'val',
        'test' if 'test' in profile.images else 'val', backbone, size,
        keep_ratio=profile.sizes > 1, scale=(1.0, 1.0), rotate=0, shift=0.0, flip=(),
        class_weights=None, oversample=None, pasted=(), batch=batch, dtype=dtype, steps=steps,
        val_interval=val_interval, cache=cache,
        workers=1 if machine.device == 'cpu' else max(1, min(8, machine.cores - 1)),
        tta=_tta(size), minutes=round(budget.duration(cost, batch, steps, steps // val_interval) / 60, 1),
        memory_gb=round(cost.memory_gb + cached * cache, 1), seconds=round(budget.step_seconds(cost, batch), 3),
    )  # fmt: skip
    plan = _choose_classes(rows, _choose_augmentation(rows, plan, profile, any_orientation), profile)
    rows += [
        _label_choice(profile),
        _val_choice(profile, val_images, set_aside),
        Choice('backbone', backbone, backbone_reason),
        _tta_choice(plan),
    ]
    by_name = {row.name: row for row in rows}
    return replace(plan, choices={name: by_name[name] for name in ROWS})


@dataclass(frozen=True)
class Budget:
    """What the minutes allow.

    Attributes:
        minutes: The minutes.
        train_images: Images to train on.
        val_images: Images to validate on.
        sample_seconds: Seconds to load and augment one image.
        loaders: Cores that load images.
        in_turn: Whether steps are computed on the same cores.
    """

    minutes: float
    train_images: int
    val_images: int
    sample_seconds: float
    loaders: int
    in_turn: bool

    @classmethod
    def of(cls, machine: Machine, minutes: float, train_images: int, val_images: int, sample_seconds: float) -> Budget:
        """Return the budget of some minutes on a machine."""
        on_cpu = machine.device == 'cpu'
        loaders = machine.cores if on_cpu else max(1, machine.cores - 1)
        return cls(minutes, train_images, val_images, sample_seconds, loaders, on_cpu)

    def step_seconds(self, cost: StepCost, batch: int) -> float:
        """Return the seconds of a step with the loading of its images."""
        loading = self.sample_seconds * batch / self.loaders
        return cost.seconds + loading if self.in_turn else max(cost.seconds, loading)

    def fitting_steps(self, cost: StepCost, batch: int) -> int:
        """Return how many steps fit into the time, next to the validations; at least 1."""
        seconds = max(0.0, 60 * self.minutes * (1 - RESERVE) - START_SECONDS)
        validations = min(VALIDATIONS * self._validation_seconds(cost), seconds / 2)
        return max(1, int((seconds - validations) / self.step_seconds(cost, batch)))

    def most_steps(self, batch: int) -> int:
        """Return how many steps are worth having, whatever the time."""
        return max(MIN_STEP_LIMIT, MAX_EPOCHS * self.train_images // batch)

    def duration(self, cost: StepCost, batch: int, steps: int, validations: int) -> float:
        """Return the seconds of a training."""
        return START_SECONDS + steps * self.step_seconds(cost, batch) + validations * self._validation_seconds(cost)

    def _validation_seconds(self, cost: StepCost) -> float:
        return self.val_images * (cost.eval_seconds + self.sample_seconds)


def _choose_input(
    rows: list[Choice], profile: DataProfile, machine: Machine, budget: Budget, time_step: TimeStep
) -> tuple[str, tuple[int, int]]:
    """Choose precision and size from steps at `REFERENCE_SIDE`, or at the largest size where that is smaller."""
    limit = _size_limit(profile, machine.device)
    reference = _shape(profile, min(REFERENCE_SIDE, limit))
    dtype = _choose_dtype(rows, time_step, reference, machine)
    cost = time_step(reference, BATCH, dtype)
    return dtype, _choose_size(rows, profile, machine, reference, limit, budget, cost)


def _fit_batch(
    rows: list[Choice], machine: Machine, time_step: TimeStep, size: tuple[int, int], dtype: str
) -> tuple[int, StepCost]:
    """Choose the largest batch that fits into the memory, and time its steps.

    Its memory follows from that of `BATCH` images: the most that a process has used does not fall with a smaller batch.
    """
    whole = time_step(size, BATCH, dtype)
    for batch in (BATCH, BATCH // 2, MIN_BATCH):
        memory_gb = whole.base_gb + (whole.memory_gb - whole.base_gb) * batch / BATCH
        if memory_gb <= MEMORY_SHARE * machine.memory_gb:
            break
    cost = replace(whole if batch == BATCH else time_step(size, batch, dtype), memory_gb=memory_gb)
    reason = 'as in the measured recipes' if batch == BATCH else f'{BATCH} would take too much'
    rows.append(Choice('batch', str(batch), f'takes {memory_gb:.1f} GB of {machine.memory_gb:g}; {reason}'))
    return batch, cost


def _choose_steps(rows: list[Choice], budget: Budget, cost: StepCost, batch: int) -> int:
    fitting, most = budget.fitting_steps(cost, batch), budget.most_steps(batch)
    steps = _round_steps(min(fitting, most))
    reason = f'{budget.step_seconds(cost, batch):.2f} s each; {budget.minutes:g} min with {RESERVE:.0%} in reserve'
    if fitting > most:
        passes = f'{MAX_EPOCHS} passes over {budget.train_images} images'
        reason = f'{passes if most > MIN_STEP_LIMIT else f"more than {passes}"}; more would fit into the time'
    few = '' if steps >= FEW_STEPS else f'; few: {FEW_STEPS} or more are better'
    rows.append(Choice('steps', str(steps), f'{reason}{few}'))
    return steps


def _size_limit(profile: DataProfile, device: str) -> int:
    """Return the largest side worth having: that of the images, somewhat enlarged, and what the device bears."""
    return min(MAX_SIDE[device], max(MIN_SIDE, _multiple(ENLARGEMENT * _native_side(profile))))


def _native_side(profile: DataProfile) -> float:
    """Return the side of a square of the images' median area."""
    return math.sqrt(profile.width * profile.height)


def _wanted_steps(profile: DataProfile, side: int) -> int:
    """Return how many steps must fit for an input of about ``side``² pixels to be better than one a step smaller."""
    native = _native_side(profile)
    if profile.side is None or side > _multiple(native):
        return ENOUGH_STEPS
    return FEW_STEPS if profile.side[0] * (side - SIDE_STEP) / native < SMALL_OBJECT_SIDE else ENOUGH_STEPS


def _multiple(side: float) -> int:
    return max(SIDE_STEP, round(side / SIDE_STEP) * SIDE_STEP)


def _shape(profile: DataProfile, side: int) -> tuple[int, int]:
    """Return (width, height) of about ``side``² pixels in the images' aspect ratio; square where both kinds occur."""
    wide, high = profile.aspects
    mixed = min(wide, high) > 0.1 * profile.measured
    aspect = 1.0 if mixed else min(2.0, max(0.5, profile.width / profile.height))
    return _multiple(side * math.sqrt(aspect)), _multiple(side / math.sqrt(aspect))


def _choose_dtype(rows: list[Choice], time_step: TimeStep, size: tuple[int, int], machine: Machine) -> str:
    if machine.device == 'cpu' and not machine.gains_from_bfloat16:
        rows.append(Choice('precision', 'float32', NO_GAIN))
        return 'float32'
    exact, half = (time_step(size, BATCH, dtype).seconds for dtype in ('float32', 'bfloat16'))
    dtype = 'bfloat16' if half < FASTER * exact else 'float32'
    reason = f'a step at {size[0]}×{size[1]} takes {half:.2f} s in bfloat16, {exact:.2f} s in float32'
    rows.append(Choice('precision', dtype, reason))
    return dtype


def _choose_size(
    rows: list[Choice],
    profile: DataProfile,
    machine: Machine,
    reference: tuple[int, int],
    limit: int,
    budget: Budget,
    cost: StepCost,
) -> tuple[int, int]:
    """Choose the largest size at which enough steps fit into the time; a step's cost grows with the pixels."""
    sides = range(limit, min(limit, COMFORTABLE_SIDE) - 1, -SIDE_STEP)
    chosen, most = sides[-1], budget.most_steps(BATCH)
    for side in sides:
        wanted = min(_wanted_steps(profile, side), most)
        factor = math.prod(_shape(profile, side)) / math.prod(reference)
        scaled = replace(cost, seconds=cost.seconds * factor, eval_seconds=cost.eval_seconds * factor)
        if budget.fitting_steps(scaled, BATCH) >= wanted:
            chosen = side
            break
    size = _shape(profile, chosen)
    reason = f'images are {profile.width}×{profile.height}'
    if profile.sizes > 1:
        reason += f' in the median, with {profile.sizes} sizes'
    if chosen < limit:
        larger = '×'.join(map(str, _shape(profile, chosen + SIDE_STEP)))
        wanted = min(_wanted_steps(profile, chosen + SIDE_STEP), most)
        reason += f'; at {larger}, fewer than {wanted} steps would fit into the time'
    elif limit == MAX_SIDE[machine.device]:
        reason += f'; no larger on {"a CPU" if machine.device == "cpu" else "a GPU"}'
    if profile.side is not None:
        enlargement = math.sqrt(math.prod(size)) / _native_side(profile)
        small, large = (side * enlargement for side in (profile.side[0], profile.side[-1]))
        reason += f'; objects then have sides of {small:.0f} to {large:.0f} px'
        if small < MIN_OBJECT_SIDE:
            reason += ': the smallest are lost, unless the images are cut into tiles'
    rows.append(Choice('size', f'{size[0]}×{size[1]}', reason))
    return size


def _round_steps(steps: int) -> int:
    """Round down to a number that is easy to read and to change."""
    unit = 50 if steps >= 500 else 10 if steps >= 50 else 1
    return max(1, steps // unit * unit)


def _tta(size: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    """Return the size with one a fifth smaller and one a fifth larger, in multiples of 32."""
    sizes = [tuple(_multiple(factor * side) for side in size) for factor in (0.8, 1.0, 1.2)]
    return tuple(dict.fromkeys((width, height) for width, height in sizes))


def _tta_choice(plan: Plan) -> Choice:
    mirrored = ', each with its mirror image' if 'horizontal' in plan.flip else ''
    sizes = ', '.join(f'{width}×{height}' for width, height in plan.tta)
    return Choice('TTA', sizes, f'the input size, a step below and above it{mirrored}')


def _choose_augmentation(rows: list[Choice], plan: Plan, profile: DataProfile, any_orientation: bool) -> Plan:
    factor = min(SCALE_LIMITS[1], max(SCALE_LIMITS[0], profile.spread))
    high = min(factor, max(SCALE_LIMITS[0], 1 / profile.extent))
    scale, shift = (round(1 / factor, 2), round(high, 2)), 0.1
    reason = f'the middle half of the objects differ in size by up to a factor of {profile.spread:g}'
    if factor < profile.spread:
        reason += f', of which {factor:g} either way at most is used'
    if high < factor:
        reason += f'; enlarged less, since objects span {profile.extent:.0%} of the image'
    rows.append(Choice('scale', f'{scale[0]:g}–{scale[1]:g}, shift {shift:.0%}', reason))
    mirrored = ', '.join(f'{a} and {b}' for a, b in profile.mirrored[:3])
    flip: tuple[str, ...]
    if mirrored:
        flip, reason = (), f'{mirrored} are mirror images of each other in place: a flip would swap them'
    elif profile.one_sided:
        flip, reason = (), f'{", ".join(profile.one_sided[:3])} lies to one side of the middle'
    elif any_orientation:
        flip, reason = ('horizontal', 'vertical', 'diagonal'), 'the images have no up direction'
    else:
        flip, reason = ('horizontal',), 'no class depends on being left or right'
    if not any_orientation:
        reason += '; upside down only with --orientation any, since pixels do not tell whether images have an up'
    rows.append(Choice('flips', ', '.join(flip) or 'none', reason))
    rotate = 180 if any_orientation and flip else 15
    reason = 'any angle' if rotate == 180 else 'photographs are often slightly tilted'
    rows.append(Choice('rotation', f'±{rotate}°', reason))
    reason = 'changes of it gain nothing where val resembles train; for other cameras or light: _base_.colour'
    rows.append(Choice('colour', 'not changed', reason))
    return replace(plan, scale=scale, shift=shift, rotate=rotate, flip=flip)


def _choose_classes(rows: list[Choice], plan: Plan, profile: DataProfile) -> Plan:
    foreground = profile.foreground
    weights = _class_weights(profile)
    if weights is None:
        reason = 'Dice counts each class equally, whatever its area'
        if len(foreground) > 1:
            reason += f'; the classes differ in area by less than a factor of {IMBALANCE:g}'
        rows.append(Choice('loss', 'cross entropy + Dice', reason))
    else:
        rarest = min(foreground, key=lambda row: row.pixel_share)
        reason = (
            f'{rarest.name} covers {rarest.pixel_share:.2%} of the pixels, '
            f'the median class {_median_share(profile):.1%}'
        )
        rows.append(Choice('loss', f'cross entropy (weights up to {max(weights):g}) + Dice', reason))
    rare = [row for row in foreground if row.image_share < RARE_IMAGE_SHARE]
    if rare and len(foreground) > 1:
        rarest = min(rare, key=lambda row: row.image_share)
        oversample = OVERSAMPLED_BELOW
        repeats = math.ceil(math.sqrt(oversample / rarest.image_share))
        reason = f'{rarest.name} is in {rarest.images} of {profile.measured} images ({rarest.image_share:.0%})'
        value = f'images of rare classes up to {repeats} times as often'
        pasted = tuple(profile.classes.index(row) for row in rare if row.images < FEW_IMAGES)
        if pasted:
            names = ', '.join(profile.classes[index].name for index in pasted[:3]) + ', …' * (len(pasted) > 3)
            value += f'; {names} pasted into half of all images'
            reason += f'; objects from fewer than {FEW_IMAGES} images show few sizes and surroundings'
        rows.append(Choice('sampling', value, reason))
        return replace(plan, class_weights=weights, oversample=oversample, pasted=pasted)
    reason = f'each class is in at least {RARE_IMAGE_SHARE:.0%} of the images'
    rows.append(
        Choice(
            'sampling', 'each image as often as the others', reason if len(foreground) > 1 else 'one class of objects'
        )
    )
    return replace(plan, class_weights=weights)


def _median_share(profile: DataProfile) -> float:
    shares = sorted(row.pixel_share for row in profile.foreground)
    middle = len(shares) // 2
    return shares[middle] if len(shares) % 2 else (shares[middle - 1] + shares[middle]) / 2


def _class_weights(profile: DataProfile) -> tuple[float, ...] | None:
    """Weigh rare classes by median frequency, up to a limit; None where the areas are alike enough."""
    shares = [row.pixel_share for row in profile.foreground]
    if len(shares) < 2 or _median_share(profile) < IMBALANCE * min(shares):
        return None
    median = _median_share(profile)
    weights = []
    for index, row in enumerate(profile.classes):
        is_plain = index == profile.background or not row.pixel_share
        weights.append(1.0 if is_plain else round(min(MAX_WEIGHT, max(1.0, median / row.pixel_share)), 2))
    return tuple(weights)


def _label_choice(profile: DataProfile) -> Choice:
    others = [name for name in profile.masked if name != profile.labels]
    if profile.changed is not None:
        reason = f'{profile.changed} of {profile.images["train"]} masks differ from {ORIGINAL}'
        others = [name for name in others if name != ORIGINAL]
    else:
        reason = 'the only label set' if not others else 'has a mask for each train image'
    if others and profile.changed is not None:
        reason += f'; there are also {", ".join(others[:4])}'
    return Choice('labels', profile.labels, reason)


def _val_choice(profile: DataProfile, val_images: int, set_aside: str) -> Choice:
    value = f'{val_images} images, {profile.val_labels}'
    if set_aside:
        return Choice('validation', f'{val_images} of train, {profile.val_labels}', set_aside)
    reason = 'the val split'
    if profile.val_labels == ORIGINAL != profile.labels:
        reason += ', scored against the original masks, as others do'
    return Choice('validation', value, reason)
