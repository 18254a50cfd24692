# Train one variant on one fold with one seed. What was stopped (75) or killed is tried again, what
# refused (2) is not (engines/retries.py).
rule train:
    input:
        *inputs("train"),
    output:
        **outputs("train"),
    log:
        log_of("train"),
    priority: order("train")
    # Only where Snakemake was started: inside a SLURM job it would start the step again beside the
    # job that SLURM or the Snakemake outside has started anew.
    retries: 2 if workflow.is_main_process else 0
    conda:
        "../../environment.yml"
    threads: train_threads
    # A GPU a process, and what several nodes need; slurm/config.yaml may say otherwise.
    resources:
        **resources("train"),
        gpu=training("gpu"),
        gres=training("gres"),
        nodes=training("nodes"),
        tasks=training("tasks"),
        tasks_per_gpu=training("tasks_per_gpu"),
        mpi=training("mpi"),
    shell:
        command("train")
