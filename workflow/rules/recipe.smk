# Resolve everything a variant depends on.   dvc.yaml: recipe
rule recipe:
    input:
        code("recipe", "core"),
        store=made("recipe", lambda wildcards: PARAMS.variants[wildcards.variant].store),
        split=made(
            "recipe", lambda wildcards: f"data/{study_of(wildcards)}/split.parquet"
        ),
        weights=made(
            "recipe", lambda wildcards: PARAMS.variants[wildcards.variant].weights
        ),
        presets=ancient("presets"),
        now=now("recipe"),
    output:
        recipe="results/runs/{variant}/recipe.json",
        parts="results/runs/{variant}/parts.json",
        receipt="results/receipts/recipe/{variant}.json",
    log:
        "logs/recipe/{variant}.log",
    priority: FIRST["recipe"]
    conda:
        "../../environment.yml"
    params:
        study=study_of,
    shell:
        "python workflow/scripts/recipe.py --variant {wildcards.variant} --study {params.study}"
        " --store {input.store} --split {input.split} --weights {input.weights}"
        " --presets {input.presets} --out {output.recipe} --parts {output.parts}"
