"""Reports: a run folder becomes report.json, report.html and report.pdf. A new report is a new folder here."""
