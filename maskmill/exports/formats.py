"""The exporter of each format; a format's own libraries are loaded when it is asked for."""

from __future__ import annotations

from maskmill.core.export import ExportFormat
from maskmill.exports.coco import CocoExporter
from maskmill.exports.exporter import Exporter
from maskmill.exports.plain_masks import MasksExporter


def exporter_of(export: ExportFormat) -> Exporter:
    """A new exporter, which holds nothing yet."""
    match export:
        case ExportFormat.COCO:
            return CocoExporter()
        case ExportFormat.MASKS:
            return MasksExporter()
    raise NotImplementedError(export)
