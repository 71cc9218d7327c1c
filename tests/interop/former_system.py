"""A small export of a former 数字城管 system, as CSV in GB18030, as XLSX and as GeoJSON: the same seven cases."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from pathlib import Path
from typing import Any

from openpyxl import Workbook

COLUMNS = (
    "任务号", "上报时间", "受理时间", "立案时间", "派遣时间", "结案时间", "问题来源", "小类名称", "问题描述", "地址",
    "经度", "纬度", "责任单位", "案件状态", "备注", "上报人", "联系电话",
)  # fmt: skip
TIMES = COLUMNS[1:6]
# Positions are in GCJ-02, inside the model district.
ROWS: tuple[tuple[Any, ...], ...] = (
    (20240101, "2024-01-05 08:10", "2024-01-05 08:20", "2024-01-05 08:30", "2024-01-05 08:40", "2024-01-05 11:40",
     "监督员上报", "暴露垃圾", "路口垃圾堆放𠮷", "江汉路步行街", 114.2825, 30.5850, "环卫所", "已结案", "已清运", "", ""),
    (20240102, "2024-01-06 09:00", "", "", "", "2024-01-06 18:00",
     "公众举报", "占道经营", "店外摆摊", "前进四路", 114.2855, 30.5830, "", "已结案", "", "张三", "13800000001"),
    (20240103, "2026-03-01 09:00", "2026-03-01 09:05", "", "", "",
     "12345", "道路不洁", "路面油污", "解放大道", 114.2750, 30.5900, "", "处理中", "", "", ""),
    (20240104, "2026-03-01 10:00", "2026-03-01 10:05", "2026-03-01 10:10", "2026-03-01 10:20", "",
     "监督员上报", "非法小广告", "电杆小广告", "新华路", 114.2700, 30.5950, "市政所", "处理中", "", "", ""),
    (20240105, "2024-02-01 09:00", "", "", "", "",
     "监督员上报", "暴露垃圾", "测试案件", "新华路", 114.2700, 30.5950, "", "测试", "", "", ""),
    (20240106, "2024-02-02 09:00", "", "", "", "",
     "监督员上报", "下水道", "井盖异响", "新华路", 114.2700, 30.5950, "", "处理中", "", "", ""),
    (20240107, "2024-02-30 09:00", "", "", "", "",
     "监督员上报", "暴露垃圾", "日期写错", "新华路", 114.2700, 30.5950, "", "处理中", "", "", ""),
)  # fmt: skip


def write_csv(path: Path, rows: Any = ROWS, encoding: str = "gb18030") -> Path:
    """The export as such systems write it."""
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    return path


def write_xlsx(path: Path, rows: Any = ROWS) -> Path:
    """The same as a workbook with real dates, below a title as exports have it."""
    book = Workbook()
    book.active.title = "说明"
    sheet = book.create_sheet("案件")
    sheet.append(["2024年案件导出"])
    sheet.append(COLUMNS)
    for row in rows:
        cells = dict(zip(COLUMNS, row, strict=True))
        for name in TIMES:
            if cells[name] and "02-30" not in cells[name]:
                cells[name] = datetime.fromisoformat(cells[name])
        sheet.append([None if cell == "" else cell for cell in cells.values()])
    book.save(path)
    return path


def write_geojson(path: Path, rows: Any = ROWS) -> Path:
    """The same as features, with the position as their geometry."""
    features = []
    for row in rows:
        cells = dict(zip(COLUMNS, row, strict=True))
        lon, lat = cells.pop("经度"), cells.pop("纬度")
        point = {"type": "Point", "coordinates": [lon, lat]}
        features.append({"type": "Feature", "properties": cells, "geometry": point})
    path.write_text(
        json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False), "utf-8"
    )
    return path
