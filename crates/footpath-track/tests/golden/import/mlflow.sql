-- Made by make.py with mlflow 3.17.2
PRAGMA foreign_keys = OFF;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('dc11669786a5');
CREATE TABLE "datasets" (
	dataset_uuid VARCHAR(36) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	name VARCHAR(500) NOT NULL, 
	digest VARCHAR(36) NOT NULL, 
	dataset_source_type VARCHAR(36) NOT NULL, 
	dataset_source TEXT NOT NULL, 
	dataset_schema TEXT, 
	dataset_profile TEXT, 
	CONSTRAINT dataset_pk PRIMARY KEY (experiment_id, name, digest), 
	CONSTRAINT fk_datasets_experiment_id_experiments FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id) ON DELETE CASCADE
);
INSERT INTO "datasets" VALUES('93091475ecb04cb6b37a7cd1e73ffcc9',1,'town','d1','local','{"uri": "town"}',NULL,NULL);
CREATE TABLE "experiments" (
	experiment_id INTEGER NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	artifact_location VARCHAR(256), 
	lifecycle_stage VARCHAR(32), 
	creation_time BIGINT, 
	last_update_time BIGINT, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT experiment_pk PRIMARY KEY (experiment_id), 
	CONSTRAINT experiments_lifecycle_stage CHECK (lifecycle_stage IN ('active', 'deleted')), 
	CONSTRAINT uq_experiments_workspace_name UNIQUE (workspace, name)
);
INSERT INTO "experiments" VALUES(0,'Default','./mlruns/0','active',1795892055534,1795892055534,'default');
INSERT INTO "experiments" VALUES(1,'tiles','mlflow-artifacts:/tiles','active',1795892055558,1795892055558,'default');
CREATE TABLE input_tags (
	input_uuid VARCHAR(36) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	value VARCHAR(500) NOT NULL, 
	CONSTRAINT input_tags_pk PRIMARY KEY (input_uuid, name)
);
INSERT INTO "input_tags" VALUES('0bb44d82719b43a8b8c4c70b57a61664','mlflow.data.context','training');
CREATE TABLE inputs (
	input_uuid VARCHAR(36) NOT NULL, 
	source_type VARCHAR(36) NOT NULL, 
	source_id VARCHAR(36) NOT NULL, 
	destination_type VARCHAR(36) NOT NULL, 
	destination_id VARCHAR(36) NOT NULL, step BIGINT DEFAULT '0' NOT NULL, 
	CONSTRAINT inputs_pk PRIMARY KEY (source_type, source_id, destination_type, destination_id)
);
INSERT INTO "inputs" VALUES('0bb44d82719b43a8b8c4c70b57a61664','DATASET','93091475ecb04cb6b37a7cd1e73ffcc9','RUN','first',0);
CREATE TABLE "metrics" (
	"key" VARCHAR(250) NOT NULL, 
	value FLOAT NOT NULL, 
	timestamp BIGINT NOT NULL, 
	run_uuid VARCHAR(32) NOT NULL, 
	step BIGINT DEFAULT '0' NOT NULL, 
	is_nan BOOLEAN DEFAULT '0' NOT NULL, 
	CONSTRAINT metric_pk PRIMARY KEY ("key", timestamp, step, run_uuid, value, is_nan), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid), 
	CHECK (is_nan IN (0, 1))
);
INSERT INTO "metrics" VALUES('loss',1.0,1700000000000,'first',0,0);
INSERT INTO "metrics" VALUES('loss',0.5,1700000000001,'first',1,0);
INSERT INTO "metrics" VALUES('loss',3.33333333333333314829e-01,1700000000002,'first',2,0);
INSERT INTO "metrics" VALUES('loss',0.25,1700000000003,'first',3,0);
INSERT INTO "metrics" VALUES('loss',0.2,1700000000004,'first',4,0);
INSERT INTO "metrics" VALUES('loss',1.66666666666666657414e-01,1700000000005,'first',5,0);
INSERT INTO "metrics" VALUES('loss',1.42857142857142849212e-01,1700000000006,'first',6,0);
INSERT INTO "metrics" VALUES('loss',0.125,1700000000007,'first',7,0);
INSERT INTO "metrics" VALUES('loss',1.11111111111111104943e-01,1700000000008,'first',8,0);
INSERT INTO "metrics" VALUES('loss',0.1,1700000000009,'first',9,0);
INSERT INTO "metrics" VALUES('loss',9.09090909090909116141e-02,1700000000010,'first',10,0);
INSERT INTO "metrics" VALUES('loss',8.33333333333333287074e-02,1700000000011,'first',11,0);
INSERT INTO "metrics" VALUES('loss',7.6923076923076927347e-02,1700000000012,'first',12,0);
INSERT INTO "metrics" VALUES('loss',7.14285714285714246063e-02,1700000000013,'first',13,0);
INSERT INTO "metrics" VALUES('loss',6.66666666666666657414e-02,1700000000014,'first',14,0);
INSERT INTO "metrics" VALUES('loss',0.0625,1700000000015,'first',15,0);
INSERT INTO "metrics" VALUES('loss',5.8823529411764705066e-02,1700000000016,'first',16,0);
INSERT INTO "metrics" VALUES('loss',5.55555555555555524716e-02,1700000000017,'first',17,0);
INSERT INTO "metrics" VALUES('loss',5.26315789473684181309e-02,1700000000018,'first',18,0);
INSERT INTO "metrics" VALUES('loss',0.05,1700000000019,'first',19,0);
INSERT INTO "metrics" VALUES('loss',4.76190476190476164042e-02,1700000000020,'first',20,0);
INSERT INTO "metrics" VALUES('loss',4.5454545454545455807e-02,1700000000021,'first',21,0);
INSERT INTO "metrics" VALUES('loss',4.34782608695652161845e-02,1700000000022,'first',22,0);
INSERT INTO "metrics" VALUES('loss',4.16666666666666643537e-02,1700000000023,'first',23,0);
INSERT INTO "metrics" VALUES('loss',0.04,1700000000024,'first',24,0);
INSERT INTO "metrics" VALUES('loss',3.84615384615384636735e-02,1700000000025,'first',25,0);
INSERT INTO "metrics" VALUES('loss',3.7037037037037034981e-02,1700000000026,'first',26,0);
INSERT INTO "metrics" VALUES('loss',3.57142857142857123031e-02,1700000000027,'first',27,0);
INSERT INTO "metrics" VALUES('loss',3.44827586206896546938e-02,1700000000028,'first',28,0);
INSERT INTO "metrics" VALUES('loss',3.33333333333333328707e-02,1700000000029,'first',29,0);
INSERT INTO "metrics" VALUES('loss',3.22580645161290313627e-02,1700000000030,'first',30,0);
INSERT INTO "metrics" VALUES('loss',0.03125,1700000000031,'first',31,0);
INSERT INTO "metrics" VALUES('loss',3.03030303030303038713e-02,1700000000032,'first',32,0);
INSERT INTO "metrics" VALUES('loss',2.9411764705882352533e-02,1700000000033,'first',33,0);
INSERT INTO "metrics" VALUES('loss',2.85714285714285705364e-02,1700000000034,'first',34,0);
INSERT INTO "metrics" VALUES('loss',2.77777777777777762358e-02,1700000000035,'first',35,0);
INSERT INTO "metrics" VALUES('loss',2.70270270270270285273e-02,1700000000036,'first',36,0);
INSERT INTO "metrics" VALUES('loss',2.63157894736842090654e-02,1700000000037,'first',37,0);
INSERT INTO "metrics" VALUES('loss',2.5641025641025640136e-02,1700000000038,'first',38,0);
INSERT INTO "metrics" VALUES('loss',0.025,1700000000039,'first',39,0);
INSERT INTO "metrics" VALUES('loss',2.43902439024390252364e-02,1700000000040,'first',40,0);
INSERT INTO "metrics" VALUES('loss',2.38095238095238082021e-02,1700000000041,'first',41,0);
INSERT INTO "metrics" VALUES('loss',2.32558139534883717702e-02,1700000000042,'first',42,0);
INSERT INTO "metrics" VALUES('loss',2.27272727272727279035e-02,1700000000043,'first',43,0);
INSERT INTO "metrics" VALUES('loss',2.22222222222222230703e-02,1700000000044,'first',44,0);
INSERT INTO "metrics" VALUES('loss',2.17391304347826080922e-02,1700000000045,'first',45,0);
INSERT INTO "metrics" VALUES('loss',2.12765957446808505471e-02,1700000000046,'first',46,0);
INSERT INTO "metrics" VALUES('loss',2.08333333333333321768e-02,1700000000047,'first',47,0);
INSERT INTO "metrics" VALUES('loss',2.04081632653061208204e-02,1700000000048,'first',48,0);
INSERT INTO "metrics" VALUES('loss',0.02,1700000000049,'first',49,0);
INSERT INTO "metrics" VALUES('odd',0.0,1,'first',0,1);
INSERT INTO "metrics" VALUES('odd',1.79769313486231562234e+308,2,'first',1,0);
INSERT INTO "metrics" VALUES('odd',-1.79769313486231562234e+308,3,'first',2,0);
INSERT INTO "metrics" VALUES('odd',2.5,4,'first',-3,0);
CREATE TABLE "params" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(8000) NOT NULL, 
	run_uuid VARCHAR(32) NOT NULL, 
	CONSTRAINT param_pk PRIMARY KEY ("key", run_uuid), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid)
);
INSERT INTO "params" VALUES('lr','0.01','first');
INSERT INTO "params" VALUES('net.depth','34','first');
CREATE TABLE "runs" (
	run_uuid VARCHAR(32) NOT NULL, 
	name VARCHAR(250), 
	source_type VARCHAR(20), 
	source_name VARCHAR(500), 
	entry_point_name VARCHAR(50), 
	user_id VARCHAR(256), 
	status VARCHAR(9), 
	start_time BIGINT, 
	end_time BIGINT, 
	source_version VARCHAR(50), 
	lifecycle_stage VARCHAR(20), 
	artifact_uri VARCHAR(200), 
	experiment_id INTEGER, deleted_time BIGINT, 
	CONSTRAINT run_pk PRIMARY KEY (run_uuid), 
	CONSTRAINT source_type CHECK (source_type IN ('NOTEBOOK', 'JOB', 'LOCAL', 'UNKNOWN', 'PROJECT')), 
	CONSTRAINT runs_lifecycle_stage CHECK (lifecycle_stage IN ('active', 'deleted')), 
	FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id), 
	CHECK (status IN ('SCHEDULED', 'FAILED', 'FINISHED', 'RUNNING', 'KILLED'))
);
INSERT INTO "runs" VALUES('first','first','UNKNOWN','','','unknown','FAILED',1700000000000,1700000060000,'','active','mlflow-artifacts:/tiles/first/artifacts',1,NULL);
INSERT INTO "runs" VALUES('78ddc39e6ef240e79a45127fb316d086','whimsical-loon-113','UNKNOWN','','','unknown','RUNNING',1700000100000,NULL,'','active','mlflow-artifacts:/tiles/78ddc39e6ef240e79a45127fb316d086/artifacts',1,NULL);
INSERT INTO "runs" VALUES('95db6960113d47dfb3157f34c325cea3','gone','UNKNOWN','','','unknown','RUNNING',1700000200000,NULL,'','deleted','mlflow-artifacts:/tiles/95db6960113d47dfb3157f34c325cea3/artifacts',1,1795892055969);
CREATE TABLE "tags" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(8000), 
	run_uuid VARCHAR(32) NOT NULL, 
	CONSTRAINT tag_pk PRIMARY KEY ("key", run_uuid), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid)
);
INSERT INTO "tags" VALUES('kind','größe','first');
INSERT INTO "tags" VALUES('mlflow.runName','first','first');
INSERT INTO "tags" VALUES('mlflow.runName','whimsical-loon-113','78ddc39e6ef240e79a45127fb316d086');
INSERT INTO "tags" VALUES('mlflow.runName','gone','95db6960113d47dfb3157f34c325cea3');
