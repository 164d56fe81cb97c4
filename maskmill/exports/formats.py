"""The exporter of each format; it knows none of their rules."""

from __future__ import annotations

from maskmill.core.export import ExportFormat
from maskmill.core.recipe import ResolvedRecipe
from maskmill.exports.coco import CocoExporter
from maskmill.exports.everything import ArchiveExporter
from maskmill.exports.exporter import Exporter, Needs, classes_of
from maskmill.exports.imagefolder import ImagefolderExporter
from maskmill.exports.overlays import OverlayExporter
from maskmill.exports.plain_masks import MasksExporter
from maskmill.exports.voc import VocExporter
from maskmill.exports.webdataset import WebdatasetExporter
from maskmill.exports.yolo import YoloExporter

TABLE_NEEDS = Needs.PICTURE | Needs.RLES  # of Parquet, which is no tree of files


def exporter_of(export: ExportFormat, recipe: ResolvedRecipe) -> Exporter:
    """A new exporter of a format that is a tree of files, which holds nothing yet; raises ValueError for Parquet."""
    classes = classes_of(recipe)
    match export:
        case ExportFormat.COCO:
            return CocoExporter()
        case ExportFormat.YOLO_SEG:
            return YoloExporter(classes)
        case ExportFormat.VOC:
            return VocExporter(classes)
        case ExportFormat.IMAGEFOLDER:
            return ImagefolderExporter(classes)
        case ExportFormat.WEBDATASET:
            return WebdatasetExporter(classes, recipe.recipe)
        case ExportFormat.MASKS:
            return MasksExporter()
        case ExportFormat.OVERLAY:
            return OverlayExporter(recipe.templates)
        case ExportFormat.ARCHIVE:
            return ArchiveExporter()
        case ExportFormat.PARQUET:
            raise ValueError("Parquet is a table, not a tree of files")


def draws(export: ExportFormat, recipe: ResolvedRecipe) -> bool:
    """Whether an export decodes pictures and draws anew, which takes time for every pixel."""
    return export is ExportFormat.PARQUET or exporter_of(export, recipe).draws
