from maskmill.client import Client as Client
from maskmill.client.progress import Progress as Progress
from maskmill.core.api import FindEverything as FindEverything
from maskmill.core.api import SegmentImage as SegmentImage
from maskmill.core.automask import Automask as Automask
from maskmill.core.edit import Edits as Edits
from maskmill.core.errors import MaskmillError as MaskmillError
from maskmill.core.geometry import Box as Box
from maskmill.core.geometry import Point as Point
from maskmill.core.prompt import Placement as Placement
from maskmill.core.prompt import Prompt as Prompt
from maskmill.core.prompt import Refinement as Refinement
from maskmill.core.prompt import Template as Template
from maskmill.core.recipe import Composition as Composition
from maskmill.core.recipe import Distribution as Distribution
from maskmill.core.recipe import Layer as Layer
from maskmill.core.recipe import Output as Output
from maskmill.core.recipe import OutputFormat as OutputFormat
from maskmill.core.recipe import Recipe as Recipe
from maskmill.core.recipe import RegionExpr as RegionExpr
from maskmill.core.recipe import RegionOp as RegionOp

__version__: str
