"""The only maker of markup: functions that take plain values and return safe `Markup`.

Conventions
-----------
* Every text argument is `Text` = `str | Label`; a Label speaks the language of the keyword `lang` ("zh",
  "en"), a plain `str` is shown as it is. Everything that is not `Markup` is escaped.
* In a template use `ui`, the same functions with `lang` filled in: `{{ ui.clock_chip("on_time") }}`.
* Nothing writes a style attribute, an inline script or an event handler (the page's CSP forbids them);
  numbers become SVG attributes, behaviour comes from `data-island`, `data-key`, `data-row` and htmx attributes.
* Everything works without JavaScript; `target=` adds htmx (`hx-get`/`hx-post`) on top of the same href.
* A field's `id` is its `name`, so `error_summary({name: words})` can link to it. What is sent: `point_field`
  sends `NAME.longitude` and `NAME.latitude`, `flag_field` sends `1`, `photo_field` one or several files,
  `instant_field` local `YYYY-MM-DDTHH:MM`; amounts and numbers come as typed text.

Families
--------
basics   button, button_row, tag, badge, notice, toast, empty_state, breadcrumbs, tabs, pager, door, facts,
         card, Link
clocks   clock_ring, clock_chip, clock_shape, clock_legend, duration_text, left_text
cases    timeline(Moment), evidence_pair(Picture), photo, queue, queue_row, stepper(Step)
figures  number_tile, tiles, spark_line, share_bar, table(Column), chart(Series), drill_drawer,
         money_statement(Entry)
maps     map_with_legend(MapLayer), still_map(Area, Mark), point_field
fields   text_field, long_text_field, choice_field(Option), category_field(Branch), photo_field,
         instant_field, number_field, amount_field, flag_field
forms    form, error_summary, confirm, filter_bar, filter_choice, login_form
shell    public_header, public_footer, desk_header, desk_nav, key_help, language_switch, live_region, panel,
         split, page_title, action_bar
"""

from __future__ import annotations

from civicloop.web.components.basics import (
    Link,
    Tone,
    badge,
    breadcrumbs,
    button,
    button_row,
    card,
    csrf_field,
    door,
    empty_state,
    facts,
    key_hint,
    link,
    notice,
    pager,
    synthetic_mark,
    tabs,
    tag,
    toast,
)
from civicloop.web.components.cases import (
    Moment,
    Picture,
    Step,
    evidence_pair,
    photo,
    queue,
    queue_row,
    stepper,
    timeline,
)
from civicloop.web.components.clocks import (
    Status,
    clock_chip,
    clock_legend,
    clock_ring,
    clock_shape,
    duration_text,
    left_text,
)
from civicloop.web.components.fields import (
    Branch,
    Option,
    amount_field,
    category_field,
    choice_field,
    flag_field,
    instant_field,
    long_text_field,
    number_field,
    photo_field,
    text_field,
)
from civicloop.web.components.figures import (
    Cell,
    Column,
    Entry,
    Series,
    chart,
    drill_drawer,
    money_statement,
    money_text,
    number_tile,
    share_bar,
    spark_line,
    table,
    tiles,
)
from civicloop.web.components.forms import confirm, error_summary, filter_bar, filter_choice, form, login_form
from civicloop.web.components.icons import BRAND, icon
from civicloop.web.components.maps import (
    Area,
    Bounds,
    MapLayer,
    Mark,
    map_with_legend,
    point_field,
    still_map,
)
from civicloop.web.components.markup import NOTHING, Markup, Text, el, join, say, void
from civicloop.web.components.shell import (
    Person,
    action_bar,
    brand,
    desk_header,
    desk_nav,
    key_help,
    language_switch,
    live_region,
    live_sign,
    page_title,
    panel,
    public_footer,
    public_header,
    split,
)

__all__ = [
    "BRAND",
    "NOTHING",
    "Area",
    "Bounds",
    "Branch",
    "Cell",
    "Column",
    "Entry",
    "Link",
    "MapLayer",
    "Mark",
    "Markup",
    "Moment",
    "Option",
    "Person",
    "Picture",
    "Series",
    "Status",
    "Step",
    "Text",
    "Tone",
    "action_bar",
    "amount_field",
    "badge",
    "brand",
    "breadcrumbs",
    "button",
    "button_row",
    "card",
    "category_field",
    "chart",
    "choice_field",
    "clock_chip",
    "clock_legend",
    "clock_ring",
    "clock_shape",
    "confirm",
    "csrf_field",
    "desk_header",
    "desk_nav",
    "door",
    "drill_drawer",
    "duration_text",
    "el",
    "empty_state",
    "error_summary",
    "evidence_pair",
    "facts",
    "filter_bar",
    "filter_choice",
    "flag_field",
    "form",
    "icon",
    "instant_field",
    "join",
    "key_help",
    "key_hint",
    "language_switch",
    "left_text",
    "link",
    "live_region",
    "live_sign",
    "login_form",
    "long_text_field",
    "map_with_legend",
    "money_statement",
    "money_text",
    "notice",
    "number_field",
    "number_tile",
    "page_title",
    "pager",
    "panel",
    "photo",
    "photo_field",
    "point_field",
    "public_footer",
    "public_header",
    "queue",
    "queue_row",
    "say",
    "share_bar",
    "spark_line",
    "split",
    "stepper",
    "still_map",
    "synthetic_mark",
    "table",
    "tabs",
    "tag",
    "text_field",
    "tiles",
    "timeline",
    "toast",
    "void",
]
