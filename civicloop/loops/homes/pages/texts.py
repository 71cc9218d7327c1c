"""The words of the homes loop's own pages."""

from __future__ import annotations

from civicloop.kernel.label import Label

SYNTHETIC = Label(
    "小区与企业名称均为合成，位置为推算，仅作演示。",
    "Estates and firms are invented, their places derived; for demonstration only.",
)
FIRM = Label("物业企业", "Property firm")
COMMUNITY = Label("社区", "Community")
BUILDINGS = Label("楼栋与单元", "Buildings and units")
BUILDINGS_ARE = Label("{b}栋{u}个单元", "{b} buildings, {u} units")
WITH_FIRM = Label("有物业企业服务", "Served by a firm")
WITH_PLAN = Label("有生效的服务计划", "With a service plan in force")
VISITED = Label("近7天有核查通过的上门", "With a verified visit in the last 7 days")
OF_ALL = Label("{n} / {all} 个小区", "{n} of {all} estates")
ESTATE = Label("小区", "Estate")
PLANS = Label("服务计划", "Service plans")
NO_PLAN = Label("无", "none")
SHOWN = Label("{what}：{n}个小区", "{what}: {n} estates")
ALL_ESTATES = Label("全部小区", "All estates")
RATINGS = Label("上门评价", "Ratings of visits")
RATINGS_ARE = Label("均分 {mean}（{n} 份评价）", "mean {mean} ({n} ratings)")
NO_RATINGS = Label("还没有评价", "no rating yet")
VISITS = Label("最近的上门", "Latest visits")
WORK = Label("服务内容", "Service")
DAY = Label("日期", "Day")
STATE = Label("状态", "State")
REPORT = Label("反映小区问题", "Report a problem of this estate")
NO_ESTATE = Label("没有这个小区。", "There is no such estate.")
RATE_LEAD = Label(
    "不用注册。每个单元对每次上门评价一次；低分并写明原因的，由社区复核。",
    "No account. Once a unit and visit; a low rating with a reason is looked into by the community.",
)
RATE_SEND = Label("提交评价", "Send the rating")
RATED = Label("评价已收到，谢谢！", "Your rating is in. Thank you.")
UNIT = Label("您的单元", "Your unit")
NO_CODE = Label("此评价链接无效，请重新扫码。", "This link is not valid; scan the code again.")
ANSWER_LEAD = Label(
    "问卷只供一次。结果只公布汇总，并写明应答人数和区间。",
    "This questionnaire works once. Only totals are published, with the number of answers and the interval.",
)
ANSWER_SEND = Label("提交问卷", "Send the answer")
ANSWERED = Label("问卷已收到，谢谢！", "Your answer is in. Thank you.")
FOR_UNIT = Label("受访单元", "Unit asked")
QUESTION = Label(
    "您对本季度物业服务是否满意？", "How satisfied are you with this quarter's property service?"
)
MINE = Label("待完成", "To do")
NO_TASKS = Label(
    "今天的任务都完成了。新任务每天早上生成。", "All done for today. New tasks are made each morning."
)
DUE_BY = Label("应完成时间", "To be done by")
PHOTO = Label("完成照片", "Photograph of the work")
BACK = Label("全部任务", "All tasks")
WHOLE_CASE = Label("任务全貌", "The whole task")
NOTHING_TO_DO = Label("此任务现在不需要您操作。", "Nothing for you to do here now.")
NO_TASK = Label("此任务不在您手上。", "This task is not yours.")
WAITING = Label("{n} 件待核查", "{n} to verify")
NEXT = Label("接下来", "Next")
ALL_CHECKED = Label("全部核查完毕", "All verified")
ALL_CHECKED_HINT = Label("企业完成新的任务后会出现在这里。", "What a firm does next will appear here.")
RECHECKS = Label("低分待复核", "Low ratings to look into")
VERIFIED_TODAY = Label("最近核查过的，可发评价链接", "Verified lately: give out the link for ratings")
MAKE_LINK = Label("生成评价链接", "Make a link")
LINK_LEAD = Label(
    "把链接或二维码贴在单元门口或发到居民群；持有人可按单元各评价一次。",
    "Put the link up at the door or send it to the residents; each unit can rate once.",
)
LINK_IS = Label("评价链接（只显示这一次）", "The link (shown this once)")
STATEMENT_LIST = Label("结算单", "Statements")
MONTH = Label("月份", "Month")
AMOUNT = Label("应付金额（元）", "To be paid (yuan)")
DRAW_UP = Label("生成结算单", "Draw up a statement")
SURVEYS = Label("满意度调查", "Surveys")
NONE_YET = Label("还没有结算单。", "There is no statement yet.")
VERIFIED = Label("核查通过", "Verified")
REDONE = Label("其中返工", "Of them redone")
MISSED = Label("未完成", "Missed")
GROSS = Label("应计（元）", "Gross (yuan)")
DEDUCTED = Label("扣减（元）", "Deducted (yuan)")
LINES = Label("{month} 逐项", "{month}, by service")
DIFFERENCES = Label("以前月份的变化", "What has changed in earlier months")
STATED_BEFORE = Label("已结（元）", "Stated (yuan)")
WORTH_NOW = Label("现应（元）", "Worth now (yuan)")
DELTA = Label("差额（元）", "Difference (yuan)")
YUAN = Label("元", "yuan")
SUM = Label("小计", "Sum")
TOTAL = Label("合计应付", "To be paid")
FROZEN = Label(
    "已审定，金额已冻结；以后的变化以差额计入下一张结算单。",
    "Approved and frozen; what changes later stands in the next statement as a difference.",
)
NOT_FROZEN = Label(
    "未审定。须两人：一人初审，另一人审定。",
    "Not approved. It takes two persons: one reviews, another approves.",
)
ACT = Label("办理", "Act on it")
AS_CSV = Label("下载 CSV", "As CSV")
RULES = Label(
    "按核查通过的上门 × 单价计，减去未完成与返工的扣减；单价与扣减按上门当日生效的规则，金额以分为单位计算。",
    "Verified visits times unit price, less what missed and redone ones take off, by the rates of the visit's day; computed in whole fen.",
)
RESULT_OF = Label("{quarter} 满意度调查", "Satisfaction survey {quarter}")
OF_THOSE = Label(
    "在作答的{n}个单元中，{share}表示满意（95%区间 {low}–{high}）。",
    "Of those who answered ({n} units), {share} are satisfied (95 % interval {low}–{high}).",
)
NOBODY = Label("还没有人作答，没有满意度可言。", "Nobody has answered yet, so there is no share to tell.")
HOW = Label(
    "总体{frame}个单元，按种子“{seed}”随机抽取{asked}个，作答{n}个，应答率{response}。区间为Wilson法并作有限总体校正；未作答者可能看法不同，区间不含这种偏差。",
    "Of {frame} units, {asked} were drawn by the seed “{seed}”; {n} answered, a response of {response}. Wilson interval with finite population correction; those who did not answer may think otherwise, which the interval does not cover.",
)
BY_ESTATE = Label("按小区（作答不足{n}份的不单列）", "By estate (those with {n} answers or more)")
ASKED = Label("抽样", "Asked")
ANSWERS = Label("作答", "Answered")
SATISFIED = Label("满意", "Satisfied")
INTERVAL = Label("95%区间", "95 % interval")
STILL_OPEN = Label(
    "调查进行中，以下为截至目前的作答。", "The survey is running; this is what has come in so far."
)
