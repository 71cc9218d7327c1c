"""The engine's refusals in words: each says what is wrong and how to mend it."""

from __future__ import annotations

from civicloop.kernel.label import Label

NO_CASE = Label("没有编号为 {id} 的案件，请核对。", "There is no case {id}; check the number.")
NO_PROCESS = Label("没有名为“{name}”的流程。", "There is no process “{name}”.")
NO_ACTION = Label(
    "流程“{process}”没有“{name}”这一操作。可用：{known}。",
    "“{process}” has no action “{name}”. It has: {known}.",
)
NOT_NOW = Label(
    "案件现在处于“{state}”，不能“{action}”。现在可以：{known}。",
    "The case is “{state}”, so “{action}” is not possible now. Possible now: {known}.",
)
CHANGED = Label(
    "您打开之后，案件已被他人处理（现为“{state}”）。请刷新后再试。",
    "Somebody else has acted on the case since you opened it (now “{state}”). Reload and try again.",
)
KEY_REUSED = Label(
    "这个请求编号已用于另一次内容不同的提交，请换一个新的编号。",
    "This request key was used for another request with other content; use a new key.",
)
OUTSIDE = Label(
    "位置不在本区范围内，请在地图上重新选点。",
    "The position lies outside the district; pick it again on the map.",
)
NO_POSITION = Label("请在地图上选点或填写位置。", "Pick the place on the map or give its position.")
NO_CATEGORY = Label(
    "没有编码为“{code}”的类别，请从列表中选择。", "There is no category “{code}”; choose one from the list."
)
NO_UNIT = Label(
    "没有编码为“{code}”的单位，请从列表中选择。", "There is no unit “{code}”; choose one from the list."
)
NO_PERSON = Label(
    "没有人员“{code}”，或其账号已停用，请从列表中选择。",
    "There is nobody “{code}” with an account in use; choose one from the list.",
)
NO_EVIDENCE = Label(
    "照片尚未上传成功，请重新上传。", "The photograph has not been uploaded; please upload it again."
)
FUTURE = Label("发生时间不能晚于现在。", "The time it happened can't lie in the future.")
TOO_OLD = Label(
    "离线记录超过 3 天，请改为现在办理。", "Work recorded without a signal is older than 3 days; do it anew."
)
BEFORE_LAST = Label(
    "发生时间早于本案上一步（{last}）。", "It is said to have happened before the case's last step ({last})."
)
NOT_IMPORT = Label("只有导入来源可以指定过去的时间。", "Only an import may set a time in the past.")
SELF_MERGE = Label("不能把案件合并到它自己。", "A case can't be merged into itself.")
BAD_MASTER = Label(
    "主案件 {id} 已结束、已被合并或属于另一流程，请选别的主案件。",
    "Case {id} has ended, is itself merged, or is of another process; choose another.",
)
PARENT_GONE = Label(
    "上级案件已进入下一步，本案不能重开。", "The parent case has moved on, so this one can't be re-opened."
)
