"""Let a trained model draw the masks of images of which only the class is known."""

from __future__ import annotations

from collections.abc import Sequence

from mmseg_ext.commands import cli
from mmseg_ext.commands.cli import ArgumentParser

EXAMPLE = 'mmseg-ext pseudo-label pets/NAME work_dirs/NAME images --out data/pets-pseudo'


def build_parser() -> ArgumentParser:
    """Build the parser of the flags."""
    from mmseg_ext.commands.model_arguments import MODEL_HELP, MODEL_USAGE

    parser = ArgumentParser(
        'Make a data set from images in folders named by class: the model draws the outline, the folder gives the\n'
        'class. Pixels where the model is not sure are ignored.',
        EXAMPLE,
    )
    parser.usage = f'%(prog)s {MODEL_USAGE} IMAGES --out DATA [options]'
    parser.add_argument(
        'files',
        nargs='+',
        metavar='MODEL IMAGES',
        help=f'{MODEL_HELP}; then a folder with one folder per class',
    )
    parser.add_argument('--out', metavar='DATA', required=True, help='data set to write')
    parser.add_argument(
        '--sides', type=int, nargs='+', metavar='PX',
        help="shorter sides of the views (default: the sizes of the config's tta_pipeline)",
    )  # fmt: skip
    parser.add_argument('--low', type=float, metavar='P', help='object probability up to which a pixel is background')
    parser.add_argument('--high', type=float, metavar='P', help='object probability from which a pixel is object')
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, label, print the counts."""
    parser = build_parser()
    args = parser.parse_args(argv)
    if args.sides and min(args.sides) < 32:
        parser.error(f'--sides {min(args.sides)}: must be 32 or more')
    from mmseg_ext.commands.model_arguments import split_model
    from mmseg_ext.inference.predictor import Predictor
    from mmseg_ext.workflows.pseudo_label import PseudoLabelSettings, write_pseudo_labels

    given = {'sides': tuple(args.sides) if args.sides else None, 'low': args.low, 'high': args.high}
    settings = PseudoLabelSettings(**{key: value for key, value in given.items() if value is not None})
    if not 0 <= settings.low <= settings.high <= 1:
        parser.error(f'--low {settings.low} --high {settings.high}: must be 0 <= low <= high <= 1')
    model, images = split_model(args.files)
    if len(images) != 1:
        parser.error('give a model, then one folder of images')
    predictor = Predictor(*model, dtype='bfloat16' if len(model) > 1 else None, tta=None)
    report = write_pseudo_labels(predictor, images[0], args.out, settings)
    share = report['class_agrees_with_model'] / (report['images'] - len(report['failed']))
    print(f'{report["kept"]} of {report["images"]} images kept; the model predicts the same class for {share:.1%}')
    print(f'data set: {args.out}')
    return cli.report_left_out(report['failed'])
