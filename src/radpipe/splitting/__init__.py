"""Who stands in which part: pictures that stand alike are found, patients are drawn whole."""
