# Predict `tune`, and `test` if its study is opened.   dvc.yaml: predict
rule predict:
    input:
        code("predict", "core", "imaging", "learning", "evaluation", "prediction"),
        recipe=made("predict", recipe_of),
        parts=made("predict", "results/runs/{variant}/parts.json"),
        weights=made(
            "predict",
            "results/runs/{variant}/fold-{fold}-seed-{seed}/weights.safetensors",
        ),
        now=now("predict"),
    output:
        predictions="results/runs/{variant}/fold-{fold}-seed-{seed}/predictions.parquet",
        receipt="results/receipts/predict/{variant}-fold-{fold}-seed-{seed}.json",
    log:
        "logs/predict/{variant}-fold-{fold}-seed-{seed}.log",
    conda:
        "../../environment.yml"
    threads: threads
    shell:
        "python workflow/scripts/predict.py --variant {wildcards.variant} --fold {wildcards.fold}"
        " --seed {wildcards.seed} --recipe {input.recipe} --parts {input.parts}"
        " --weights {input.weights} --out {output.predictions}"
