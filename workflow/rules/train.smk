# Train one variant on one fold with one seed; exit code 75 (stopped, saved) is tried again.
# dvc.yaml: train
rule train:
    input:
        code("train", "core", "imaging", "learning"),
        recipe=made("train", recipe_of),
        now=now("train"),
    output:
        weights="results/runs/{variant}/fold-{fold}-seed-{seed}/weights.safetensors",
        history="results/runs/{variant}/fold-{fold}-seed-{seed}/history.csv",
        receipt="results/receipts/train/{variant}-fold-{fold}-seed-{seed}.json",
    log:
        "logs/train/{variant}-fold-{fold}-seed-{seed}.log",
    priority: FIRST["train"]
    # Only where Snakemake was started: inside a SLURM job it would start the step again beside the
    # job that SLURM or the Snakemake outside has started anew.
    retries: 2 if workflow.is_main_process else 0
    conda:
        "../../environment.yml"
    threads: train_threads
    # A GPU a process, and what several nodes need; slurm/config.yaml may say otherwise.
    resources:
        gpu=training("gpu"),
        gres=training("gres"),
        nodes=training("nodes"),
        tasks=training("tasks"),
        tasks_per_gpu=training("tasks_per_gpu"),
        mpi=training("mpi"),
    shell:
        "python workflow/scripts/train.py --variant {wildcards.variant} --fold {wildcards.fold}"
        " --seed {wildcards.seed} --recipe {input.recipe} --weights {output.weights}"
        " --history {output.history}"
