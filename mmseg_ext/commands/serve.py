"""Serve a page on this machine: drop an image, see its mask."""

from __future__ import annotations

from collections.abc import Sequence

from mmseg_ext.commands import cli

EXAMPLE = """mmseg-ext serve pets/NAME work_dirs/NAME
  mmseg-ext serve model.onnx --port 8080"""


def build_parser() -> cli.ArgumentParser:
    """Build the parser of the flags."""
    from mmseg_ext.commands.model_arguments import (
        MODEL_FLAGS,
        MODEL_HELP,
        MODEL_USAGE,
        add_model_arguments,
    )
    from mmseg_ext.inference.server import MAX_UPLOAD_BYTES, MAX_UPLOAD_PIXELS

    parser = cli.ArgumentParser(
        'Serve a page that shows the mask of any image dropped on it, with a legend and an opacity slider.\n'
        'It listens on this machine only, unless --host is given; images are not kept.',
        EXAMPLE,
        flags=MODEL_FLAGS | {'max_bytes': '--max-upload'},
    )
    parser.usage = f'%(prog)s {MODEL_USAGE} [options]'
    parser.add_argument('model', nargs='+', metavar='MODEL', help=MODEL_HELP)
    cli.add_address(parser)
    parser.add_argument(
        '--max-upload', type=cli.number(0.001, 100_000), default=MAX_UPLOAD_BYTES / 1e6, metavar='MB',
        help=f'largest upload (default: {MAX_UPLOAD_BYTES / 1e6:g})',
    )  # fmt: skip
    add_model_arguments(parser, MAX_UPLOAD_PIXELS / 1e6)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, open the model, serve until interrupted."""
    parser = build_parser()
    args = parser.parse_args(argv)
    from mmseg_ext.commands.model_arguments import predictor_from, split_model
    from mmseg_ext.inference.server import serve

    model, rest = split_model(args.model)
    if rest:
        parser.error(f'{rest[0]}: serve takes no images; drop them on the page, or use mmseg-ext predict')
    serve(predictor_from(model, args), args.host, args.port, int(args.max_upload * 1e6), args.allowed_hosts)
