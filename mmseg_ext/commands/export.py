"""Export a trained model or an ensemble to ONNX, checked against the original."""

from __future__ import annotations

from collections.abc import Sequence

from mmseg_ext.commands import cli

EXAMPLE = """mmseg-ext export pets/NAME work_dirs/NAME --out model.onnx
  mmseg-ext export pets/NAME work_dirs/NAME --out model.onnx --int8 data/pets
  mmseg-ext export ensemble.yaml --out ensemble.onnx"""


def build_parser() -> cli.ArgumentParser:
    """Build the parser of the flags."""
    parser = cli.ArgumentParser(
        'Write a model as one .onnx file for any batch and image size, with class names, palette and normalisation in\n'
        'its metadata. 99.9 % of the pixels must get the same class as in torch, or nothing is written (exit code 1).',
        EXAMPLE,
    )
    parser.usage = '%(prog)s (CONFIG CHECKPOINT | ENSEMBLE.yaml) --out FILE [options]'
    parser.add_argument(
        'model', nargs='+', metavar='MODEL',
        help='config and checkpoint (.pth, or a work dir for its best checkpoint), or an ensemble',
    )  # fmt: skip
    parser.add_argument('--out', metavar='FILE', required=True, help='the .onnx file to write')
    parser.add_argument(
        '--images', nargs='+', default=[], metavar='IMAGE|DIR|GLOB',
        help="images for the check (default: the config's val images, or synthetic ones)",
    )  # fmt: skip
    parser.add_argument(
        '--count', type=cli.positive, default=32, metavar='N', help='number of images for the check (default: 32)'
    )
    parser.add_argument(
        '--int8', metavar='DATA',
        help='also write FILE with the suffix .int8.onnx, quantised with the val images of DATA and scored on them',
    )  # fmt: skip
    parser.add_argument(
        '--labels', default='labels', metavar='NAME', help='label set to score against (default: labels)'
    )
    cli.add_safe_config(parser)
    parser.add_argument('--overwrite', action='store_true', help='replace files')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, export, print how far the models agree."""
    parser = build_parser()
    args = parser.parse_args(argv)
    from mmseg_ext.inference.ensemble import is_ensemble
    from mmseg_ext.workflows.export import export_model

    config, *weights = args.model
    joined = is_ensemble(config)
    if len(weights) != (0 if joined else 1):
        parser.error('give an ensemble alone, or a config and its checkpoint')
    exported = export_model(
        config, None if joined else weights[0], args.out, images=args.images, count=args.count, int8=args.int8,
        labels=args.labels, overwrite=args.overwrite,
    )  # fmt: skip
    agreement, report = exported.agreement, exported.int8
    print(
        f'{exported.path}: {exported.path.stat().st_size / 1e6:.1f} MB; on {agreement.images} {exported.images} '
        f"{'probabilities' if joined else 'logits'} differ from {'the ensemble' if joined else 'torch'}'s by "
        f'at most {agreement.largest:.2g}, {agreement.equal:.4%} of the pixels get the same class'
    )
    if report is not None:
        (fp32, low), (slow, fast) = (100 * value for value in report.dice), report.seconds
        print(
            f'{exported.int8_path}: {report.sizes[1] / 1e6:.1f} MB; val mDice {low:.2f} instead of {fp32:.2f} '
            f'({low - fp32:+.2f}), {fast * 1e3:.1f} ms per image instead of {slow * 1e3:.1f} '
            f'({slow / fast:.2f} times as fast), {report.images} images, one thread'
        )
    return 0
