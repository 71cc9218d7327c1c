"""The words of the street loop's own pages."""

from __future__ import annotations

from civicloop.kernel.label import Label

REPORT_LEAD = Label(
    "拍一张照片、点一下位置、说一句话即可。不用注册，也不用留姓名。",
    "A photograph, a place and a sentence will do. No account, no name.",
)
MORE_FIELDS = Label("补充类别、地址、联系方式（选填）", "Add category, address or contact (optional)")
SEND_REPORT = Label("提交", "Send")
TRACKING_CODE = Label("查询码", "Tracking code")
SHOW = Label("查看", "Show")
REPORT_TAKEN = Label(
    "已收到。请记下查询码，凭它随时查看进度。",
    "Received. Keep the tracking code: with it you can see how far it has come.",
)
RATED = Label("您的评价：{score}。谢谢！", "Your rating: {score}. Thank you.")
MINE = Label("在我手上", "In my hands")
FREE = Label("本单位待处置", "Waiting in my unit")
NO_TASKS = Label("现在没有您的任务。新任务会出现在这里。", "You have no task now. New ones appear here.")
BEFORE = Label("处置前", "Before")
NOTHING_TO_DO = Label("此任务现在不需要您操作。", "Nothing for you to do here now.")
ALL_TASKS = Label("全部任务", "All tasks")
WHOLE_CASE = Label("案件全貌", "The whole case")
WAITING = Label("{n} 件待核查", "{n} to check")
STANDARD = Label("结案标准", "Done means")
NEXT = Label("接下来", "Next")
ALL_CHECKED = Label("全部核查完毕", "All checked")
ALL_CHECKED_HINT = Label("有新的反馈时会出现在这里。", "What is reported back next will appear here.")
REPORT_NOW = Label("上报问题", "Report a problem")
TO_VERIFY = Label("待核实", "To verify")
NOTHING_TO_VERIFY = Label("您负责的街道现在没有待核实的上报。", "Nothing to verify on your streets now.")
NEAR = Label("附近已有人上报", "Reported close by already")
NEAR_LEAD = Label(
    "如果是同一个问题，请补充到已有案件，会一并办理并通知您；不是就照常提交。",
    "If it is the same problem, add your report to it: it is dealt with together and you are told. If not, send as usual.",
)
SAME = Label("就是这个，补充上报", "This is it: add my report")
SEND_AS_NEW = Label("都不是，作为新问题提交", "None of these: send as new")
LIKE = Label("可能与这些案件相同", "May be the same as")
MERGE_INTO = Label("并入 {number}", "Merge into {number}")
UNSORTED = Label("尚未分类的问题", "A problem not yet sorted")
SENT_BECAUSE = Label("派往{unit}，因为{why}。", "Sent to {unit} because {why}.")
SENT_BY_HAND = Label("派往{unit}，由派遣员指定。", "Sent to {unit} as the dispatcher chose.")
WOULD_GO_BECAUSE = Label(
    "按规则将派往{unit}，因为{why}。", "The rules would send it to {unit} because {why}."
)
RULES_LEAD = Label(
    "从上到下，第一条符合的规则决定责任单位；都不符合时，由类别自己的单位负责。",
    "From the top, the first rule that fits decides; where none does, the category's own unit is responsible.",
)
RULES_NOW = Label("现行规则", "Rules in force")
NO_RULES = Label(
    "没有规则：一律由类别自己的单位负责。", "There are no rules: every category's own unit is responsible."
)
RULE = Label("规则", "Rule")
CONDITIONS = Label("条件", "Conditions")
TO_UNIT = Label("派往", "Sent to")
BECAUSE = Label("理由", "Because")
ALWAYS = Label("任何情况", "Always")
STREETS_OWN = Label("问题所在街道的综合执法中心", "The centre of the street where it lies")
CHANGE_RULES = Label("修改并试算", "Change and try")
RULES_TEXT = Label("规则（TOML）", "Rules (TOML)")
RULES_HINT = Label(
    "每条规则一个 [[rule]]：code、unit、because，以及 kinds、groups、places、days、hours、sources 中需要的条件。",
    "One [[rule]] a rule: code, unit, because, and of kinds, groups, places, days, hours, sources what it needs.",
)
TRY = Label("用近30天的案件试算", "Try on the last 30 days' cases")
TRIED = Label("{cases} 件中有 {n} 件会派往别处", "{n} of {cases} cases would go elsewhere")

FROM = Label("现在", "Now")
TO = Label("改后", "Then")
HOW_MANY = Label("件数", "Cases")
FOR_EXAMPLE = Label("例如", "For example")
VALID_FROM = Label("生效时间", "In force from")
PUBLISH = Label("发布", "Publish")
PUBLISHED = Label("已发布。", "Published.")
VERSIONS = Label("历次版本", "Versions")
TAKE_AGAIN = Label("重新采用这一版", "Take this version again")
NOBODY = Label("无单位", "no unit")
DAYS = {
    "mon": Label("周一", "Monday"),
    "tue": Label("周二", "Tuesday"),
    "wed": Label("周三", "Wednesday"),
    "thu": Label("周四", "Thursday"),
    "fri": Label("周五", "Friday"),
    "sat": Label("周六", "Saturday"),
    "sun": Label("周日", "Sunday"),
}
