"""Would it have paid? A replay with capital in place, and a report that adds up."""

from trading.services.backtest.figures import Report
from trading.services.backtest.run import Capital, Unreadable, backtest, report_named, reports, resume_backtest

__all__ = ["Capital", "Report", "Unreadable", "backtest", "report_named", "reports", "resume_backtest"]
