"""`python -m mapforge.config conf`: writes the defaults of every group."""

import sys
from pathlib import Path

from mapforge.config.default_yaml import write_default_conf

write_default_conf(Path(sys.argv[1]))
