#!/bin/sh
# Runs one service in the foreground: start.sh SERVICE
# kafka, namenode, datanode, datanode_2, spark, spark_master, spark_worker_N
# Reads the rendered configuration in $STACK_DIR/conf.
# Kafka and the NameNode format their data directory before their first run.
set -eu

conf=$STACK_DIR/conf
. "$conf/services.env"
data=$STACK_DIR/data
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
log4j=-Dlog4j2.configurationFile=file:$conf/log4j2.properties
hadoop_classpath="$conf:$JARS/hdfs/*:$SPARK_HOME/jars/*"
# Measured in docs/decisions/jvm.md. Spark: a build is several hundred queries that run
# once, so optimising their code early costs more than it saves. The other services
# don't need the optimising compiler (C2). A JVM that runs out of memory ends,
# and supervisord restarts it.
spark_jvm="-XX:+ExitOnOutOfMemoryError -XX:+UseParallelGC -XX:ReservedCodeCacheSize=512m \
    -XX:Tier4InvocationThreshold=50000 -XX:Tier4MinInvocationThreshold=6000 \
    -XX:Tier4CompileThreshold=150000 -XX:Tier4BackEdgeThreshold=400000"
small_jvm="-XX:+ExitOnOutOfMemoryError -XX:+UseSerialGC -XX:TieredStopAtLevel=1"
# A setting for clients. With it, Spark's own processes, executors too, would start as
# clients, without the server's classes.
unset SPARK_REMOTE
export SPARK_DAEMON_JAVA_OPTS=-XX:+ExitOnOutOfMemoryError # master and workers
mkdir -p "$STACK_DIR/run"
echo $$ >"$STACK_DIR/run/$1.pid" # exec keeps the process id

case $1 in
kafka)
    if [ ! -f "$data/kafka/meta.properties" ]; then
        "$java" $small_jvm "$log4j" -cp "$JARS/kafka/*" kafka.tools.StorageTool format \
            --config "$conf/kafka.properties" --ignore-formatted \
            --cluster-id "$(head -c 16 /dev/urandom | base64 | tr +/ AB | head -c 22)"
    fi
    exec "$java" "-Xmx$KAFKA_HEAP" $small_jvm "$log4j" -cp "$JARS/kafka/*" \
        kafka.Kafka "$conf/kafka.properties"
    ;;
namenode)
    # VERSION is written last, so an interrupted format is repeated, but never if a
    # DataNode already has blocks.
    if [ ! -f "$data/namenode/current/VERSION" ] && [ ! -d "$data/datanode/current" ]; then
        "$java" $small_jvm "$log4j" -cp "$hadoop_classpath" \
            org.apache.hadoop.hdfs.server.namenode.NameNode -format -force -nonInteractive
    fi
    exec "$java" "-Xmx$NAMENODE_HEAP" $small_jvm "$log4j" -cp "$hadoop_classpath" \
        org.apache.hadoop.hdfs.server.namenode.NameNode
    ;;
datanode)
    exec "$java" "-Xmx$DATANODE_HEAP" $small_jvm "$log4j" -cp "$hadoop_classpath" \
        org.apache.hadoop.hdfs.server.datanode.DataNode
    ;;
datanode_2)
    exec "$java" "-Xmx$DATANODE_HEAP" $small_jvm "$log4j" -cp "$hadoop_classpath" \
        org.apache.hadoop.hdfs.server.datanode.DataNode \
        -D "dfs.datanode.data.dir=$data/datanode_2" \
        -D "dfs.datanode.hostname=$DATANODE_2_HOST" \
        -D "dfs.datanode.address=$DATANODE_2_HOST:$DATANODE_2_PORT" \
        -D "dfs.datanode.http.address=$DATANODE_2_HOST:$DATANODE_2_WEB_PORT" \
        -D "dfs.datanode.ipc.address=$DATANODE_2_HOST:$DATANODE_2_IPC_PORT"
    ;;
spark_master)
    export SPARK_CONF_DIR="$conf" SPARK_LOCAL_IP="$SPARK_MASTER_HOST"
    export SPARK_DAEMON_MEMORY="$SPARK_MASTER_HEAP"
    # After it was killed, a master recovers its workers and applications.
    export SPARK_MASTER_OPTS="-Dspark.deploy.recoveryMode=FILESYSTEM \
        -Dspark.deploy.recoveryDirectory=$data/spark_master"
    exec "$SPARK_HOME/bin/spark-class" org.apache.spark.deploy.master.Master \
        --host "$SPARK_MASTER_HOST" --port "$SPARK_MASTER_PORT" \
        --webui-port "$SPARK_MASTER_WEB_PORT"
    ;;
spark_worker*)
    if [ -n "$SPARK_WORKER_HOST" ]; then export SPARK_LOCAL_IP="$SPARK_WORKER_HOST"; fi
    export SPARK_CONF_DIR="$conf" SPARK_DAEMON_MEMORY="$SPARK_MASTER_HEAP"
    # There can be many workers, so each picks a free port itself.
    exec "$SPARK_HOME/bin/spark-class" org.apache.spark.deploy.worker.Worker \
        --webui-port 0 --work-dir "$data/$1" \
        --cores "$SPARK_WORKER_CORES" --memory "$SPARK_WORKER_MEMORY" \
        "spark://$SPARK_MASTER_HOST:$SPARK_MASTER_PORT"
    ;;
spark)
    cd "$data"
    export SPARK_CONF_DIR="$conf" SPARK_LOCAL_IP="$SPARK_HOST"
    # Each session that is closed logs an error if its scratch directory does not exist.
    exec "$SPARK_HOME/bin/spark-submit" \
        --class org.apache.spark.sql.hive.thriftserver.HiveThriftServer2 \
        --driver-java-options "-Dderby.stream.error.file=/dev/null $spark_jvm" \
        spark-internal \
        --hiveconf "hive.server2.thrift.bind.host=$SPARK_HOST" \
        --hiveconf "hive.server2.thrift.port=$SPARK_THRIFT_PORT" \
        --hiveconf hive.server2.logging.operation.enabled=false \
        --hiveconf "hive.exec.local.scratchdir=$data/spark"
    ;;
*)
    echo "usage: $0 SERVICE" >&2
    exit 2
    ;;
esac
