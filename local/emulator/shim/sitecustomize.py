"""Give Lambda workers the root log handler that AWS gives them. It knows no logger and sets no level.

Reason: every worker inherits PYTHONPATH and so loads this file. On AWS the runtime puts a handler on the root logger;
without one, `logging.info()` of a handler or of a library is lost. Structured loggers that bring their own handler
are not affected.
"""

import logging
import os
import sys

if "AWS_LAMBDA_FUNCTION_NAME" in os.environ and "_LAMBDA_FUNCTION_ARN" in os.environ:
    _handler = logging.StreamHandler(sys.stderr)
    _handler.setFormatter(
        logging.Formatter("[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(message)s", datefmt="%Y-%m-%dT%H:%M:%S")
    )
    logging.getLogger().addHandler(_handler)
