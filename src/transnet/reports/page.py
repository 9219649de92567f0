"""HTML reports: self-contained files for a browser."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import jinja2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def render(template: str, **values: Any) -> str:
    """Fill a template of ``transnet/reports/templates``; text in ``values`` is escaped.

    Templates can use the filters ``percent`` (of a share, 0..1), ``picture`` (of pixels) and
    ``chart`` (of a figure).
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("transnet.reports"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["percent"] = lambda share: f"{100 * share:.1f} %"
    environment.filters["picture"] = picture_address
    environment.filters["chart"] = chart_markup
    page = environment.get_template(template).render(**values)
    return page.encode("utf-8", "replace").decode()  # file names may be any bytes


def picture_address(pixels: NDArray[np.uint8], height: int = 112) -> str:
    """uint8 RGB ``(H, W, 3)``, resized to a height, as a JPEG in a ``data:`` address."""
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    width = max(1, round(picture.width * height / picture.height))
    buffer = io.BytesIO()
    picture.resize((width, height)).save(buffer, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def chart_markup(figure: Figure) -> Any:
    """A figure of matplotlib as SVG markup."""
    from markupsafe import Markup

    figure.patch.set_alpha(0)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    svg = buffer.getvalue()
    return Markup(svg[svg.index("<svg") :])
