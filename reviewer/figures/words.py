"""The English words of the figures, and the keys that they have in every language."""

from __future__ import annotations

WORDS: dict[str, str] = {
    "figure.options.title": "Flags by option over time",
    "figure.options.empty": "No flags yet. Flag a prediction, and its day appears here.",
    "figure.rate.title": "Share of predictions that people flagged",
    "figure.rate.empty": "No predictions logged yet. Test the model, and the day appears here.",
    "figure.confusion.title": "Predicted against corrected label",
    "figure.confusion.empty": (
        "No reviewed labels yet. Correct or confirm a predicted label, and the pair appears here."
    ),
    "figure.confusion.capped": "the {shown} most flagged of {total} labels",
    "figure.confidence.title": "Confidence by resolution",
    "figure.confidence.empty": "No flag with a confidence yet.",
    "figure.residuals.title": "Residuals by predicted value",
    "figure.residuals.empty": (
        "No reviewed values yet. Correct a predicted value, and its residual appears here."
    ),
    "figure.agreement.title": "How far first and second answers agree",
    "figure.agreement.empty": (
        "No flag was reviewed twice yet. A second opinion, and the agreement appears here."
    ),
    "figure.agreement.percent": "Equal answers",
    "figure.agreement.kappa": "Cohen’s κ",
    "figure.agreement.alpha": "Krippendorff’s α",
    "figure.done.title": "Answered per day and person",
    "figure.done.empty": "Nobody has answered a flag in the last 30 days.",
    "figure.axis.agreement": "Agreement",
    "figure.axis.day": "Day (UTC)",
    "figure.axis.flags": "Flags",
    "figure.axis.predictions": "Predictions",
    "figure.axis.rate": "Flagged, % of predictions",
    "figure.axis.version": "Version",
    "figure.axis.predicted_label": "Predicted label",
    "figure.axis.corrected_label": "Corrected label",
    "figure.axis.confidence": "Confidence",
    "figure.axis.predicted_value": "Predicted value",
    "figure.axis.corrected_value": "Corrected value",
    "figure.axis.residual": "Residual (corrected − predicted)",
    "figure.blank": "(blank)",
    "option.wrong_label": "Wrong label",
    "option.wrong_value": "Wrong value",
    "option.low_confidence": "Low confidence",
    "option.overconfident": "Overconfident",
    "option.inconsistent": "Inconsistent",
    "option.incomplete": "Incomplete",
    "option.hallucination": "Hallucination",
    "option.offensive_or_unsafe": "Offensive or unsafe",
    "option.bias": "Bias",
    "option.privacy": "Privacy",
    "option.bad_input": "Bad input",
    "option.out_of_scope": "Out of scope",
    "option.slow_or_error": "Slow or error",
    "option.ui_bug": "Interface bug",
    "option.good_example": "Good example",
    "option.other": "Other",
    "option.none": "No option",
    "resolution.label_corrected": "Label corrected",
    "resolution.prediction_correct": "Prediction correct",
    "resolution.ambiguous": "Ambiguous",
    "resolution.bad_input": "Bad input",
    "resolution.out_of_scope": "Out of scope",
    "resolution.duplicate": "Duplicate",
    "resolution.not_reproducible": "Not reproducible",
    "resolution.app_bug": "App bug",
    "resolution.wont_fix": "Won’t fix",
    "resolution.none": "Not resolved yet",
}
"""The English texts, and the keys that `words` has in every language.

`figure.NAME.title` is the heading a caller puts above the figure NAME, `figure.NAME.empty` the
sentence drawn when there is nothing to show. `option.VALUE` and `resolution.VALUE` are display
names, `none` standing for a missing value; a value without a display name is shown as it is.
"""
