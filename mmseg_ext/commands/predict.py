"""Predict images of any kind and size with a trained model."""

from __future__ import annotations

from collections.abc import Sequence

from mmseg_ext.commands import cli

EXAMPLE = """mmseg-ext predict pets/NAME work_dirs/NAME images --out predicted --overlay
  mmseg-ext predict model.onnx 'images/**/*.jpg' --out predicted --labelme"""


def build_parser() -> cli.ArgumentParser:
    """Build the parser of the flags."""
    from mmseg_ext.commands.model_arguments import MODEL_FLAGS, MODEL_HELP, MODEL_USAGE, add_model_arguments

    parser = cli.ArgumentParser(
        'Write a mask for each image (D/masks/STEM.png) and the meaning of its values (D/dataset.yaml).\n'
        'An image that cannot be read is reported and makes the exit code 1; the others are still predicted.',
        EXAMPLE,
        flags=MODEL_FLAGS,
    )
    parser.usage = f'%(prog)s {MODEL_USAGE} (IMAGE | DIR | GLOB)... --out D [options]'
    parser.add_argument('files', nargs='+', metavar='MODEL IMAGE', help=f'{MODEL_HELP}; then images, folders, patterns')
    parser.add_argument('--out', metavar='D', required=True, help='result folder')
    parser.add_argument(
        '--overlay', action='store_true', help='also write the image with its mask: D/overlays/STEM.jpg'
    )
    parser.add_argument(
        '--opacity', type=cli.number(0, 1), default=0.5, metavar='P', help='opacity of the overlay (default: 0.5)'
    )
    parser.add_argument(
        '--labelme', action='store_true', help='also write a LabelMe file to correct: D/labelme/STEM.json'
    )
    parser.add_argument(
        '--probabilities',
        action='store_true',
        help='also write the class probabilities, float16: D/probabilities/STEM.npz',
    )
    parser.add_argument('--overwrite', action='store_true', help='replace files')
    add_model_arguments(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, predict, print the throughput."""
    parser = build_parser()
    args = parser.parse_args(argv)
    from mmseg_ext.commands.model_arguments import predictor_from, split_model
    from mmseg_ext.workflows.predict import find_images, predict_files

    model, sources = split_model(args.files)
    if not sources:
        parser.error('give the images after the model')
    images = find_images(sources)
    asked = {'overlays': args.overlay, 'labelme': args.labelme, 'probabilities': args.probabilities}
    kinds = ['masks', *(kind for kind, wanted in asked.items() if wanted)]
    predictor = predictor_from(model, args)
    report = predict_files(predictor, images, args.out, kinds, opacity=args.opacity, overwrite=args.overwrite)
    for error in report.errors:
        cli.print_error(error)
    rate = report.predicted / report.seconds if report.seconds else 0
    failed = f'; {len(report.errors)} could not be read' if report.errors else ''
    print(
        f'{report.predicted} of {len(images)} images predicted in {report.seconds:.1f} s, '
        f'{rate:.2f} per second (reading and writing included){failed}'
    )
    print(f'{", ".join(kinds)}: {args.out}')
    return int(bool(report.errors))
