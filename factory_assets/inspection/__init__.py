"""Room 5: labelled images, defect models and what they are worth."""
